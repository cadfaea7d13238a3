"""postgrest-py: rows by whether another relation has any for them."""

from service import ServiceTest


class WithAndWithout(ServiceTest):
    def test_each(self):
        rooms = lambda: self.leslie.from_("rooms").select("id, bookings()").order("id")
        self.assertEqual(self.column("id", rooms().is_("bookings", None)), [3])
        self.assertEqual(self.column("id", rooms().not_.is_("bookings", None)), [1, 2, 4])
        self.assertEqual(self.column("id", rooms().or_("bookings.is.null,id.eq.1")), [1, 3])
