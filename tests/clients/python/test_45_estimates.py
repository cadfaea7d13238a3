"""postgrest-py: counts that Postgres estimates. Only where the configuration allows them."""

from postgrest import CountMethod

from service import ServiceTest


class Estimates(ServiceTest):
    def test_planned_and_estimated(self):
        self.assertIsInstance(self.leslie.from_("rooms").select("id", count=CountMethod.planned).execute().count, int)
        self.assertEqual(self.leslie.from_("rooms").select("id", count=CountMethod.estimated).execute().count, 4)
