"""postgrest-py: select() of another relation that is named by the foreign key that leads there."""

from service import ServiceTest


class Targets(ServiceTest):
    def test_by_the_column(self):
        query = self.leslie.from_("persons").select("name, boss:boss_id(name)").eq("id", 2)
        self.assertEqual(query.execute().data, [{"name": "Ben", "boss": {"name": "Ann"}}])

    def test_by_the_table(self):
        query = self.leslie.from_("persons").select("staff:persons(name)").eq("id", 1).order("id", foreign_table="staff")
        self.assertEqual(query.execute().data, [{"staff": [{"name": "Ben"}, {"name": "Chris"}]}])
