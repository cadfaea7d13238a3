"""postgrest-py: from_().select(), and what can be selected."""

from postgrest import CountMethod

from service import DUNDER_MIFFLIN, PAWNEE, ServiceTest


class Select(ServiceTest):
    def test_all_rows_are_the_tenants_own(self):
        items = self.leslie.from_("items").select("*").execute().data
        self.assertGreaterEqual(len(items), 5)
        self.assertEqual(list(items[0]), ["id", "title", "tenant_id"])
        self.assertEqual({item["tenant_id"] for item in items}, {PAWNEE})
        others = self.michael.table("items").select("*").execute().data
        self.assertEqual({item["tenant_id"] for item in others}, {DUNDER_MIFFLIN})
        self.assertFalse({item["title"] for item in items} & {item["title"] for item in others})

    def test_the_other_tenants_rows_are_absent_also_when_their_keys_are_named(self):
        [item] = self.michael.from_("items").select("id").limit(1).execute().data
        self.assertEqual(self.leslie.from_("items").select("*").eq("id", item["id"]).execute().data, [])
        self.assertEqual(self.leslie.from_("items").select("*").eq("tenant_id", DUNDER_MIFFLIN).execute().data, [])

    def test_columns_names_casts_and_paths(self):
        query = self.leslie.from_("rooms").select("room:name", "number:id::text", "size:facts->size->m2").eq("id", 2)
        self.assertEqual(query.execute().data, [{"room": "Map Room", "number": "2", "size": 24}])

    def test_values_of_many_types(self):
        query = self.leslie.from_("rooms").select("heated, floor, rent, tags, seats, facts").eq("id", 1)
        self.assertEqual(
            query.execute().data,
            [
                {
                    "heated": True,
                    "floor": 0,
                    "rent": 120.5,
                    "tags": ["large", "stage"],
                    "seats": "[10,201)",
                    "facts": {"colour": "red", "size": {"m2": 300}, "doors": [1, 2]},
                }
            ],
        )

    def test_an_exact_count_is_the_tenants_own(self):
        page = self.leslie.from_("rooms").select("id", count=CountMethod.exact).order("id").range(1, 2).execute()
        self.assertEqual(page.data, [{"id": 2}, {"id": 3}])
        self.assertEqual(page.count, 4)
        self.assertEqual(self.michael.from_("rooms").select("id", count=CountMethod.exact).execute().count, 2)

    def test_head(self):
        answer = self.leslie.from_("rooms").select("*", count=CountMethod.exact, head=True).execute()
        self.assertEqual(answer.data, [])
        self.assertEqual(answer.count, 4)
