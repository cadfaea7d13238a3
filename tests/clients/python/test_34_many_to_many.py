"""postgrest-py: select() by way of a table between two."""

from service import ServiceTest


class ManyToMany(ServiceTest):
    def test_the_many_of_a_row(self):
        query = self.leslie.from_("bookings").select("id, guests:persons!guests(name)").eq("id", 1)
        query = query.order("name", foreign_table="guests")
        self.assertEqual(query.execute().data, [{"id": 1, "guests": [{"name": "Ben"}, {"name": "Chris"}]}])

    def test_inner(self):
        query = self.leslie.from_("bookings").select("id, persons!guests!inner(name)").eq("persons.name", "Chris")
        self.assertEqual(self.column("id", query.order("id")), [1, 2])
