"""postgrest-py: explain(). Only where the configuration allows it."""

from service import ServiceTest


class Explain(ServiceTest):
    def test_as_text_and_as_json(self):
        rooms = lambda: self.leslie.from_("rooms").select("id")
        self.assertIn("cost=", rooms().explain().execute())
        [explained] = rooms().explain(analyze=True, format="json").execute().data
        self.assertIn("Actual Rows", explained["Plan"])
