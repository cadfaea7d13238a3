"""postgrest-py: insert, upsert, update, delete."""

from postgrest import CountMethod, ReturnMethod

from service import DUNDER_MIFFLIN, PAWNEE, ServiceTest


class Writing(ServiceTest):
    def clean_rooms(self):
        self.addCleanup(lambda: self.leslie.from_("rooms").delete().gte("id", 100).execute())

    def count(self, client, relation: str) -> int:
        return client.from_(relation).select("*", count=CountMethod.exact, head=True).execute().count

    def test_insert_a_row(self):
        self.clean("kazoo")
        [item] = self.leslie.from_("items").insert({"title": "kazoo"}).execute().data
        self.assertEqual((item["title"], item["tenant_id"]), ("kazoo", PAWNEE))
        self.assertEqual(self.michael.from_("items").select("*").eq("title", "kazoo").execute().data, [])

    def test_insert_without_an_answer(self):
        self.clean("kazoo")
        answer = self.leslie.from_("items").insert({"title": "kazoo"}, returning=ReturnMethod.minimal).execute()
        self.assertEqual(answer.data, [])

    def test_insert_several_with_a_count_and_some_columns(self):
        self.clean("kazoo", "gong")
        rows = [{"title": "kazoo"}, {"title": "gong"}]
        answer = self.leslie.from_("items").insert(rows, count=CountMethod.exact).select("title").execute()
        self.assertEqual(sorted(row["title"] for row in answer.data), ["gong", "kazoo"])
        self.assertEqual(list(answer.data[0]), ["title"])
        self.assertEqual(answer.count, 2)

    def test_insert_rows_of_which_some_lack_a_key(self):
        self.addCleanup(lambda: self.leslie.from_("bookings").delete().gte("id", 100).execute())
        booking = {"room_id": 1, "during": "[2026-06-01,2026-06-02)", "price": 1}
        rows = [{"id": 100, "note": "given", **booking}, {"id": 101, **booking}]
        answer = self.leslie.from_("bookings").insert(rows).execute()
        self.assertEqual([row["note"] for row in answer.data], ["given", None])

    def test_insert_for_another_tenant_is_refused(self):
        before = self.count(self.michael, "items")
        error = self.refusal(self.leslie.from_("items").insert({"title": "kazoo", "tenant_id": DUNDER_MIFFLIN}))
        self.assertEqual(error.code, "42501")
        self.assertIn("row-level security policy", error.message)
        self.assertEqual(self.count(self.michael, "items"), before)

    def test_insert_of_what_is_there(self):
        error = self.refusal(self.leslie.from_("items").insert({"title": "book drive"}))
        self.assertEqual(error.code, "23505")
        self.assertIn("items_title_key", error.message)

    def test_upsert_merges(self):
        self.clean_rooms()
        self.leslie.from_("rooms").insert({"id": 100, "name": "Shed"}).execute()
        rows = [{"tenant_id": PAWNEE, "id": 100, "name": "Barn"}, {"tenant_id": PAWNEE, "id": 101, "name": "Silo"}]
        answer = self.leslie.from_("rooms").upsert(rows, count=CountMethod.exact).execute()
        self.assertEqual([row["name"] for row in answer.data], ["Barn", "Silo"])
        self.assertEqual(answer.count, 2)

    def test_upsert_by_another_key(self):
        self.clean_rooms()
        self.leslie.from_("rooms").insert({"id": 100, "name": "Shed", "floor": 0}).execute()
        row = {"id": 100, "name": "Shed", "floor": 7}
        [merged] = self.leslie.from_("rooms").upsert(row, on_conflict="tenant_id,name").execute().data
        self.assertEqual(merged["floor"], 7)

    def test_upsert_ignores_duplicates(self):
        self.clean_rooms()
        rows = [{"id": 1, "name": "Not a hall"}, {"id": 100, "name": "Shed"}]
        answer = self.leslie.from_("rooms").upsert(rows, ignore_duplicates=True).execute()
        self.assertEqual([row["id"] for row in answer.data], [100])
        self.assertEqual(self.column("name", self.leslie.from_("rooms").select("name").eq("id", 1)), ["Great Hall"])

    def test_upsert_never_reaches_the_other_tenants_row(self):
        row = {"tenant_id": DUNDER_MIFFLIN, "id": 1, "name": "Mine"}
        self.assertEqual(self.refusal(self.leslie.from_("rooms").upsert(row)).code, "42501")
        self.assertEqual(self.column("name", self.michael.from_("rooms").select("name").eq("id", 1)), ["Warehouse"])

    def test_update(self):
        self.clean_rooms()
        self.leslie.from_("rooms").insert({"id": 100, "name": "Shed"}).execute()
        answer = self.leslie.from_("rooms").update({"floor": 3}, count=CountMethod.exact).eq("id", 100).execute()
        self.assertEqual([(row["id"], row["floor"]) for row in answer.data], [(100, 3)])
        self.assertEqual(answer.count, 1)
        silent = self.leslie.from_("rooms").update({"floor": 4}, returning=ReturnMethod.minimal).eq("id", 100)
        self.assertEqual(silent.execute().data, [])
        self.assertEqual(self.leslie.from_("rooms").update({"floor": 4}).eq("id", 999).execute().data, [])

    def test_update_of_the_other_tenants_rows_finds_none(self):
        answer = self.leslie.from_("rooms").update({"floor": 3}).eq("name", "Warehouse").execute()
        self.assertEqual(answer.data, [])
        self.assertEqual(self.column("floor", self.michael.from_("rooms").select("floor").eq("id", 1)), [0])

    def test_update_of_no_more_than_so_many(self):
        error = self.refusal(self.leslie.from_("rooms").update({"floor": 9}).gt("id", 0).max_affected(1))
        self.assertEqual(error.code, "PGRST124")
        self.assertEqual(self.leslie.from_("rooms").select("id").eq("floor", 9).execute().data, [])

    def test_delete(self):
        self.clean("kazoo", "gong")
        self.leslie.from_("items").insert([{"title": "kazoo"}, {"title": "gong"}]).execute()
        answer = self.leslie.from_("items").delete(count=CountMethod.exact).eq("title", "kazoo").execute()
        self.assertEqual([row["title"] for row in answer.data], ["kazoo"])
        self.assertEqual(answer.count, 1)
        silent = self.leslie.from_("items").delete(returning=ReturnMethod.minimal).eq("title", "gong").execute()
        self.assertEqual(silent.data, [])

    def test_delete_leaves_the_other_tenants_rows(self):
        before = self.count(self.michael, "rooms")
        self.assertEqual(self.leslie.from_("rooms").delete().eq("name", "Warehouse").execute().data, [])
        self.assertEqual(self.count(self.michael, "rooms"), before)

    def test_delete_leaves_what_policies_leave_to_somebody_else(self):
        [link] = self.leslie.from_("links").select("id").eq("creator_user_id", "ron.swanson").execute().data
        self.assertEqual(self.april.from_("links").delete().eq("id", link["id"]).execute().data, [])
        self.assertEqual(len(self.leslie.from_("links").select("id").eq("id", link["id"]).execute().data), 1)
