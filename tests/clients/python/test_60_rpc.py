"""postgrest-py: rpc(), with the demo's functions."""

from postgrest import CountMethod

from service import ServiceTest


class Rpc(ServiceTest):
    def total(self, client) -> int:
        return client.from_("items").select("*", count=CountMethod.exact, head=True).execute().count

    def test_a_scalar_asked_for_in_three_ways(self):
        expected = self.total(self.leslie)
        self.assertEqual(self.leslie.rpc("items_total", {}).execute().data, expected)
        self.assertEqual(self.leslie.rpc("items_total", {}, get=True).execute().data, expected)
        self.assertEqual(self.leslie.rpc("items_total", {}, head=True).execute().data, [])
        self.assertEqual(self.michael.rpc("items_total", {}).execute().data, self.total(self.michael))

    def test_a_set_of_scalars(self):
        self.assertIn("book drive", self.leslie.rpc("item_titles", {}).execute().data)
        self.assertNotIn("book drive", self.michael.rpc("item_titles", {}).execute().data)

    def test_a_set_of_rows(self):
        for get in (False, True):
            found = lambda arguments: self.column("title", self.leslie.rpc("search_items", arguments, get=get))
            self.assertEqual(found({"query": "S"}), ["harvest festival", "swing set repairs"])
            self.assertEqual(found({"query": "S", "at_most": 1}), ["harvest festival"])
            self.assertEqual(found({"query": "toner"}), [])

    def test_a_set_of_rows_with_select_filters_order_a_page_and_a_count(self):
        for get in (False, True):
            query = self.leslie.rpc("search_items", {"query": "a"}, count=CountMethod.exact, get=get)
            query = query.select("title").neq("title", "art-fair").order("title", desc=True).limit(2)
            answer = query.execute()
            self.assertEqual(answer.data, [{"title": "swing set repairs"}, {"title": "harvest festival"}])
            self.assertEqual(answer.count, 3)

    def test_single_and_maybe_single(self):
        found = lambda query: self.leslie.rpc("search_items", {"query": query}).select("title")
        self.assertEqual(found("book").single().execute().data, {"title": "book drive"})
        self.assertEqual(self.refusal(found("S").single()).code, "PGRST116")
        self.assertIsNone(found("nothing").maybe_single().execute())

    def test_csv(self):
        text = self.leslie.rpc("search_items", {"query": "book"}).select("title").csv().execute().data
        self.assertEqual(text.replace('"', "").split(), ["title", "book", "drive"])

    def test_json(self):
        self.assertEqual(
            self.leslie.rpc("desk_summary", {}).execute().data, {"tickets": 4, "open": 2, "urgent": 1}
        )

    def test_one_name_and_several_functions(self):
        found = lambda arguments: len(self.leslie.rpc("find_tickets", arguments).execute().data)
        self.assertEqual(found({"status": "open"}), 2)
        self.assertEqual(found({"status": "open", "priority": "urgent"}), 1)
        self.assertEqual(found({"opened_since": "2020-01-01"}), 4)

    def test_as_many_arguments_as_one_likes(self):
        query = self.leslie.rpc("items_titled", {"titles": ["book drive", "art-fair", "toner"]})
        self.assertEqual(self.column("title", query), ["art-fair", "book drive"])

    def test_what_writes(self):
        self.clean("kazoo")
        item = self.leslie.rpc("add_item", {"title": "kazoo"}).execute().data
        self.assertEqual(self.leslie.from_("items").select("*").eq("id", item["id"]).execute().data, [item])
        self.assertEqual(self.michael.from_("items").select("*").eq("id", item["id"]).execute().data, [])
        self.assertEqual(self.refusal(self.leslie.rpc("add_item", {"title": "gong"}, get=True)).code, "25006")

    def test_nothing(self):
        [ticket] = self.leslie.from_("support_tickets").insert({"subject": "kazoo"}).execute().data
        self.addCleanup(lambda: self.leslie.from_("support_tickets").delete().eq("id", ticket["id"]).execute())
        self.assertEqual(self.leslie.rpc("close_ticket", {"ticket_id": ticket["id"]}).execute().data, [])
        [closed] = self.leslie.from_("support_tickets").select("status").eq("id", ticket["id"]).execute().data
        self.assertEqual(closed["status"], "closed")

    def test_the_other_tenants_ticket_is_as_absent_as_one_that_never_was(self):
        [ticket, *_] = self.michael.from_("support_tickets").select("id").execute().data
        foreign = self.refusal(self.leslie.rpc("close_ticket", {"ticket_id": ticket["id"]}))
        self.assertEqual((foreign.code, foreign.message), ("PT404", "there is no such ticket"))

    def test_a_function_that_is_not_there(self):
        self.assertEqual(self.refusal(self.leslie.rpc("items_totall", {})).code, "PGRST202")
        self.assertEqual(self.refusal(self.leslie.rpc("search_items", {"words": "x"})).code, "PGRST202")
