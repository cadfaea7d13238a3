"""The service under test and its users, as scripts/clients tells them."""

import os
import unittest

import httpx
from postgrest import APIError, SyncPostgrestClient

URL = os.environ["CLIENTS_URL"]
TOKENS = {user: os.environ[f"CLIENTS_TOKEN_{user.upper()}"] for user in ("leslie", "april", "michael")}

PAWNEE = "7a245486-3fc8-47ec-b303-04fefe7a58ff"
DUNDER_MIFFLIN = "162be16f-4c1d-4b0e-9a53-6f7d20c8e915"


def client(token: str | None, schema: str = "api", **options) -> SyncPostgrestClient:
    """A client that sends the token; without one, a client that sends none."""
    made = SyncPostgrestClient(URL, schema=schema, **options)
    return made.auth(token) if token else made


class ServiceTest(unittest.TestCase):
    """leslie (owner) and april (member) of pawnee-parks-and-rec, michael (owner) of dunder-mifflin."""

    maxDiff = None

    def setUp(self):
        self.leslie = self.client(TOKENS["leslie"])
        self.april = self.client(TOKENS["april"])
        self.michael = self.client(TOKENS["michael"])

    def client(self, token: str | None, **options) -> SyncPostgrestClient:
        made = client(token, **options)
        self.addCleanup(made.aclose)
        return made

    def watched(self) -> tuple[SyncPostgrestClient, list[httpx.Response]]:
        """A client of leslie's, and a list that its answers are added to, for what the client does not hand on."""
        seen: list[httpx.Response] = []
        session = httpx.Client(event_hooks={"response": [seen.append]})
        self.addCleanup(session.close)
        return client(TOKENS["leslie"], http_client=session), seen

    def clean(self, *titles: str):
        """Deletes items that the test makes, also when it fails."""
        self.addCleanup(lambda: self.leslie.from_("items").delete().in_("title", titles).execute())

    def column(self, name: str, query) -> list:
        return [row[name] for row in query.execute().data]

    def refusal(self, query) -> APIError:
        """The error of an answer that is expected to be one."""
        with self.assertRaises(APIError) as caught:
            query.execute()
        return caught.exception
