"""postgrest-py: what is done with the rows that were found."""

from postgrest import CountMethod

from service import ServiceTest


class Modifiers(ServiceTest):
    def test_order(self):
        rooms = lambda: self.leslie.from_("rooms").select("id")
        self.assertEqual(self.column("id", rooms().order("id", desc=True)), [4, 3, 2, 1])
        self.assertEqual(self.column("id", rooms().order("floor").order("id", desc=True)), [3, 1, 4, 2])
        self.assertEqual(self.column("id", rooms().order("rent", nullsfirst=True)), [3, 4, 2, 1])
        self.assertEqual(self.column("id", rooms().order("rent", desc=True, nullsfirst=False)), [1, 2, 4, 3])

    def test_limit_offset_and_range(self):
        rooms = lambda: self.leslie.from_("rooms").select("id").order("id")
        self.assertEqual(self.column("id", rooms().limit(1)), [1])
        self.assertEqual(self.column("id", rooms().limit(2).offset(1)), [2, 3])
        self.assertEqual(self.column("id", rooms().range(1, 2)), [2, 3])
        self.assertEqual(self.column("id", rooms().range(100, 200)), [])

    def test_a_counted_page_beyond_the_end(self):
        error = self.refusal(self.leslie.from_("rooms").select("id", count=CountMethod.exact).range(100, 200))
        self.assertEqual((error.code, error.message), ("PGRST103", "Requested range not satisfiable"))

    def test_single(self):
        query = self.leslie.from_("rooms").select("id, name").eq("id", 2).single()
        self.assertEqual(query.execute().data, {"id": 2, "name": "Map Room"})
        for query in (self.leslie.from_("rooms").select("*").eq("id", 99), self.leslie.from_("rooms").select("*")):
            error = self.refusal(query.single())
            self.assertEqual(error.code, "PGRST116")
            self.assertEqual(error.message, "Cannot coerce the result to a single JSON object")
            self.assertTrue(error.details.startswith("The result contains "))

    def test_maybe_single(self):
        rooms = lambda: self.leslie.from_("rooms").select("id")
        self.assertEqual(rooms().eq("id", 2).maybe_single().execute().data, {"id": 2})
        self.assertIsNone(rooms().eq("id", 99).maybe_single().execute())
        self.assertEqual(self.refusal(rooms().maybe_single()).code, "406")

    def test_single_of_the_other_tenants_row_is_no_row(self):
        [item] = self.michael.from_("items").select("id").limit(1).execute().data
        self.assertIsNone(self.leslie.from_("items").select("*").eq("id", item["id"]).maybe_single().execute())
