"""postgrest-py: its client for asyncio, with two tenants at the same time."""

import asyncio
import unittest

from postgrest import APIError, AsyncPostgrestClient

from service import TOKENS, URL


class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.leslie = AsyncPostgrestClient(URL, schema="api").auth(TOKENS["leslie"])
        self.addAsyncCleanup(self.leslie.aclose)
        self.michael = AsyncPostgrestClient(URL, schema="api").auth(TOKENS["michael"])
        self.addAsyncCleanup(self.michael.aclose)

    async def test_reads_of_two_tenants(self):
        async def name(client):
            answer = await client.from_("rooms").select("name").eq("id", 1).single().execute()
            return answer.data["name"]

        names = await asyncio.gather(*(name(client) for client in (self.leslie, self.michael) * 50))
        self.assertEqual(names, ["Great Hall", "Warehouse"] * 50)

    async def test_a_row_from_its_making_to_its_end(self):
        items = lambda: self.leslie.from_("items")
        [item] = (await items().insert({"title": "kazoo"}).execute()).data
        [renamed] = (await items().update({"title": "gong"}).eq("id", item["id"]).execute()).data
        self.assertEqual(renamed, {**item, "title": "gong"})
        self.assertEqual((await self.michael.from_("items").delete().eq("id", item["id"]).execute()).data, [])
        self.assertEqual((await items().delete().eq("id", item["id"]).execute()).data, [renamed])

    async def test_a_refusal(self):
        with self.assertRaises(APIError) as caught:
            await self.leslie.from_("newsfeed_items").insert({"title": "x"}).execute()
        self.assertEqual(caught.exception.code, "42501")
