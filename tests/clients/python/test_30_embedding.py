"""postgrest-py: select() of other relations within a row."""

from postgrest import CountMethod

from service import ServiceTest


class Embedding(ServiceTest):
    def test_to_one_to_many_and_one_to_one(self):
        query = self.leslie.from_("bookings").select("id, rooms(name), invoices(total)").lte("id", 2).order("id")
        self.assertEqual(
            query.execute().data,
            [
                {"id": 1, "rooms": {"name": "Great Hall"}, "invoices": {"total": 110}},
                {"id": 2, "rooms": {"name": "Great Hall"}, "invoices": None},
            ],
        )
        many = self.leslie.from_("rooms").select("id", "bookings(id)").gte("id", 2).order("id")
        self.assertEqual(
            many.execute().data,
            [{"id": 2, "bookings": [{"id": 3}]}, {"id": 3, "bookings": []}, {"id": 4, "bookings": [{"id": 4}]}],
        )

    def test_the_foreign_key_named(self):
        query = self.leslie.from_("bookings").select("id, host:persons!bookings_host_fkey(name)").eq("id", 1)
        self.assertEqual(query.execute().data, [{"id": 1, "host": {"name": "Ann"}}])

    def test_filter_order_limit_range_and_or_within(self):
        rooms = lambda: self.leslie.from_("rooms").select("bookings(id)").eq("id", 1)
        within = lambda query: [row["id"] for row in query.execute().data[0]["bookings"]]
        self.assertEqual(within(rooms().gt("bookings.price", 50)), [1])
        self.assertEqual(within(rooms().order("price", foreign_table="bookings")), [2, 1])
        self.assertEqual(within(rooms().order("id", desc=True, foreign_table="bookings")), [2, 1])
        self.assertEqual(within(rooms().order("id", foreign_table="bookings").limit(1, foreign_table="bookings")), [1])
        self.assertEqual(within(rooms().order("id", foreign_table="bookings").range(1, 1, foreign_table="bookings")), [2])
        self.assertEqual(within(rooms().or_("price.gt.90,note.eq.nothing", reference_table="bookings")), [1])

    def test_inner(self):
        query = self.leslie.from_("rooms").select("id, bookings!inner(id)", count=CountMethod.exact).order("id")
        answer = query.gt("bookings.price", 15).execute()
        self.assertEqual([room["id"] for room in answer.data], [1, 2])
        self.assertEqual(answer.count, 2)

    def test_the_other_tenants_rows_are_in_no_embed(self):
        query = lambda client: client.from_("bookings").select("note, rooms(name)").eq("id", 1).execute().data
        self.assertEqual(query(self.leslie), [{"note": "jazz", "rooms": {"name": "Great Hall"}}])
        self.assertEqual(query(self.michael), [{"note": "dundies", "rooms": {"name": "Warehouse"}}])

    def test_no_relationship(self):
        self.assertEqual(self.refusal(self.leslie.from_("rooms").select("newsfeed_items(*)")).code, "PGRST200")
