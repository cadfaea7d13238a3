"""postgrest-py: select() of sums and their like."""

from service import ServiceTest


class Aggregates(ServiceTest):
    def test_of_all_rows_and_by_the_columns_beside_them(self):
        self.assertEqual(
            self.leslie.from_("bookings").select("count(), price.sum()").execute().data, [{"count": 4, "sum": 175}]
        )
        self.assertEqual(
            self.leslie.from_("bookings").select("room_id, price.max()").eq("room_id", 1).execute().data,
            [{"room_id": 1, "max": 100}],
        )

    def test_within(self):
        query = self.leslie.from_("rooms").select("id, bookings(count())").eq("id", 1)
        self.assertEqual(query.execute().data, [{"id": 1, "bookings": [{"count": 2}]}])
