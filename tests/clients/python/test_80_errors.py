"""postgrest-py: what a client branches on when something is wrong."""

from service import TOKENS, ServiceTest


class Errors(ServiceTest):
    def test_without_a_token(self):
        self.assertEqual(self.refusal(self.client(None).from_("items").select("*")).code, "PGRST302")

    def test_with_a_token_that_nobody_signed(self):
        for token in ("nonsense", TOKENS["leslie"] + "x"):
            self.assertEqual(self.refusal(self.client(token).from_("items").select("*")).code, "PGRST301")

    def test_a_relation_that_is_not_there(self):
        error = self.refusal(self.leslie.from_("itemz").select("*"))
        self.assertEqual(error.code, "PGRST205")
        self.assertRegex(error.message, r"^Could not find the table '(api\.)?itemz' in the schema cache$")
        self.assertRegex(error.hint, r"^Perhaps you meant the table '(api\.)?items'$")
        self.assertIsNone(error.details)

    def test_a_column_that_is_not_there(self):
        self.assertEqual(self.refusal(self.leslie.from_("items").select("colour")).code, "42703")
        self.assertEqual(self.refusal(self.leslie.from_("items").insert({"colour": "red"})).code, "PGRST204")

    def test_a_value_of_another_type(self):
        error = self.refusal(self.leslie.from_("items").select("*").eq("id", "x"))
        self.assertEqual(
            error.json(),
            {
                "code": "22P02",
                "message": 'invalid input syntax for type uuid: "x"',
                "details": None,
                "hint": None,
            },
        )

    def test_a_check(self):
        self.assertEqual(self.refusal(self.leslie.from_("items").insert({"title": " "})).code, "23514")

    def test_a_reference_to_nothing(self):
        self.assertEqual(self.refusal(self.leslie.from_("guests").insert({"booking_id": 99, "person_id": 1})).code, "23503")

    def test_a_relation_that_is_only_read(self):
        error = self.refusal(self.leslie.from_("newsfeed_items").insert({"title": "x"}))
        self.assertEqual(error.code, "42501")
        self.assertEqual(error.message, "permission denied for table newsfeed_items")

    def test_head_of_what_is_not_there(self):
        error = self.refusal(self.leslie.from_("itemz").select("*", head=True))
        self.assertIn(error.code, ("PGRST205", "404"))
