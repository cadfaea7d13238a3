"""postgrest-py: schema(). This client always names one; `public` where it is told none."""

from service import TOKENS, ServiceTest


class Profiles(ServiceTest):
    def test_another_schema(self):
        for schema in ("public", "secret"):
            error = self.refusal(self.leslie.schema(schema).from_("rooms").select("*"))
            self.assertEqual(error.code, "PGRST106")
            self.assertRegex(error.message, "^Invalid schema")

    def test_the_schema_that_is_served(self):
        public = self.client(TOKENS["leslie"], schema="public")
        self.assertEqual(public.schema("api").from_("rooms").select("id").eq("id", 1).execute().data, [{"id": 1}])
