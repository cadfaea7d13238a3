"""postgrest-py: insert and upsert with default_to_null=False."""

from service import ServiceTest


class Defaults(ServiceTest):
    def test_columns_that_a_row_does_not_name_get_their_defaults(self):
        self.addCleanup(lambda: self.leslie.from_("bookings").delete().gte("id", 100).execute())
        booking = {"room_id": 1, "during": "[2026-06-01,2026-06-02)"}
        rows = [{"id": 100, "price": 1, **booking}, {"id": 101, "note": None, **booking}]
        answer = self.leslie.from_("bookings").insert(rows, default_to_null=False).select("price, note").execute()
        self.assertEqual(answer.data, [{"price": 1, "note": "none"}, {"price": 10, "note": None}])
