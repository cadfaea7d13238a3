"""postgrest-py: other relations within the rows that were written."""

from service import ServiceTest


class WrittenEmbeds(ServiceTest):
    def test_insert_and_update(self):
        self.addCleanup(lambda: self.leslie.from_("bookings").delete().gte("id", 100).execute())
        booking = {"id": 100, "room_id": 2, "during": "[2026-06-01,2026-06-02)"}
        query = self.leslie.from_("bookings").insert(booking).select("id, rooms(name)")
        self.assertEqual(query.execute().data, [{"id": 100, "rooms": {"name": "Map Room"}}])
        query = self.leslie.from_("bookings").update({"room_id": 1}).eq("id", 100).select("rooms(name)")
        self.assertEqual(query.execute().data, [{"rooms": {"name": "Great Hall"}}])
