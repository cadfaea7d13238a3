"""postgrest-py: columns of another relation among those of the row."""

from service import ServiceTest


class Spread(ServiceTest):
    def test_of_one_and_of_one_within_one(self):
        query = self.leslie.from_("bookings").select("id", "...rooms(room:name, floor)").eq("id", 1)
        self.assertEqual(query.execute().data, [{"id": 1, "room": "Great Hall", "floor": 0}])
        query = self.leslie.from_("invoices").select("total, ...bookings(note, ...rooms(room:name))").eq("booking_id", 1)
        self.assertEqual(query.execute().data, [{"total": 110, "note": "jazz", "room": "Great Hall"}])

    def test_of_many(self):
        query = self.leslie.from_("rooms").select("id, ...bookings(price)").eq("id", 1)
        self.assertEqual(query.order("price", foreign_table="bookings").execute().data, [{"id": 1, "price": [50, 100]}])
