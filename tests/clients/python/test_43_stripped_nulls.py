"""postgrest-py: strip_nulls()."""

from service import ServiceTest


class StrippedNulls(ServiceTest):
    def test_of_a_list_and_of_one_object(self):
        rooms = lambda: self.leslie.from_("rooms").select("id, heated").eq("id", 3)
        self.assertEqual(rooms().strip_nulls().execute().data, [{"id": 3}])
        self.assertEqual(rooms().strip_nulls().single().execute().data, {"id": 3})
