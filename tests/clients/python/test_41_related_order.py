"""postgrest-py: order by a column of the one row that a row refers to."""

from service import ServiceTest


class RelatedOrder(ServiceTest):
    def test_of_one(self):
        query = self.leslie.from_("bookings").select("id, rooms(name)").order("rooms(name)", desc=True).order("id")
        self.assertEqual(self.column("id", query), [4, 3, 1, 2])
