"""postgrest-py: csv()."""

import csv

from service import ServiceTest


class Csv(ServiceTest):
    def test_csv(self):
        text = self.leslie.from_("rooms").select("id, name, heated").gte("id", 3).order("id").csv().execute().data
        self.assertEqual(
            list(csv.reader(text.splitlines())),
            [["id", "name", "heated"], ["3", "Old Kitchen", ""], ["4", "Reading Room, north", "t"]],
        )
