"""postgrest-py: every filter that the client has a method for."""

from service import ServiceTest


class Filters(ServiceTest):
    """Rooms of pawnee-parks-and-rec: 1 Great Hall, 2 Map Room, 3 Old Kitchen, 4 Reading Room, north."""

    FILTERS = {
        "eq": (lambda q: q.eq("name", "Map Room"), [2]),
        "eq of a value with reserved characters": (lambda q: q.eq("name", "Reading Room, north"), [4]),
        "eq of true": (lambda q: q.eq("heated", True), [1, 4]),
        "neq": (lambda q: q.neq("name", "Map Room"), [1, 3, 4]),
        "gt": (lambda q: q.gt("floor", 0), [2, 4]),
        "gte": (lambda q: q.gte("floor", 0), [1, 2, 4]),
        "lt": (lambda q: q.lt("floor", 0), [3]),
        "lte": (lambda q: q.lte("floor", 0), [1, 3]),
        "is null": (lambda q: q.is_("heated", None), [3]),
        "is true": (lambda q: q.is_("heated", True), [1, 4]),
        "like": (lambda q: q.like("name", "%Room%"), [2, 4]),
        "like_all_of": (lambda q: q.like_all_of("name", "%Room%,M%"), [2]),
        "like_any_of": (lambda q: q.like_any_of("name", "Old%,M%"), [2, 3]),
        "ilike": (lambda q: q.ilike("name", "%room%"), [2, 4]),
        "ilike_all_of": (lambda q: q.ilike_all_of("name", "%room%,m%"), [2]),
        "ilike_any_of": (lambda q: q.ilike_any_of("name", "old%,m%"), [2, 3]),
        "or_": (lambda q: q.or_("id.eq.1,name.eq.Map Room"), [1, 2]),
        "or_ with and inside": (lambda q: q.or_("id.eq.3,and(heated.is.true,floor.gt.0)"), [3, 4]),
        "not or_": (lambda q: q.not_.or_("id.eq.1,id.eq.2"), [3, 4]),
        "fts": (lambda q: q.fts("words", "reading & room"), [4]),
        "plfts": (lambda q: q.plfts("words", "room reading"), [4]),
        "phfts": (lambda q: q.phfts("words", "map room"), [2]),
        "wfts": (lambda q: q.wfts("words", "room -map"), [4]),
        "text_search": (lambda q: q.text_search("words", "'rooms'", {"config": "english"}), [2, 4]),
        "text_search as on the web": (lambda q: q.text_search("words", "room -map", {"type": "web_search"}), [4]),
        "in_": (lambda q: q.in_("id", [1, 3, 99]), [1, 3]),
        "in_ with reserved characters": (lambda q: q.in_("name", ["Reading Room, north", "Map Room", 'a"b']), [2, 4]),
        "in_ of nothing": (lambda q: q.in_("id", []), []),
        "cs": (lambda q: q.cs("tags", ["maps"]), [2, 4]),
        "cd": (lambda q: q.cd("tags", ["maps", "quiet"]), [2, 3, 4]),
        "contains of an array": (lambda q: q.contains("tags", ["maps", "quiet"]), [4]),
        "contains of a range": (lambda q: q.contains("seats", "[3,4]"), [2, 4]),
        "contains of JSON": (lambda q: q.contains("facts", {"colour": "red"}), [1, 4]),
        "contained_by of an array": (lambda q: q.contained_by("tags", ["maps", "quiet"]), [2, 3, 4]),
        "contained_by of a range": (lambda q: q.contained_by("seats", "[1,10]"), [2, 4]),
        "contained_by of JSON": (lambda q: q.contained_by("facts", {"colour": "green", "size": {"m2": 24}}), [2, 3]),
        "ov of an array": (lambda q: q.ov("tags", ["stage", "quiet"]), [1, 4]),
        "ov of a range": (lambda q: q.ov("seats", "[8,12]"), [1, 2]),
        "overlaps": (lambda q: q.overlaps("tags", ["stage", "quiet"]), [1, 4]),
        "sl": (lambda q: q.sl("seats", (9, 20)), [2, 4]),
        "sr": (lambda q: q.sr("seats", (1, 5)), [1]),
        "nxl": (lambda q: q.nxl("seats", (1, 5)), [1, 2]),
        "nxr": (lambda q: q.nxr("seats", (1, 5)), [4]),
        "adj": (lambda q: q.adj("seats", (4, 7)), [4]),
        "range_gt": (lambda q: q.range_gt("seats", (1, 5)), [1]),
        "range_gte": (lambda q: q.range_gte("seats", (1, 5)), [1, 2]),
        "range_lt": (lambda q: q.range_lt("seats", (9, 20)), [2, 4]),
        "range_lte": (lambda q: q.range_lte("seats", (1, 5)), [4]),
        "range_adjacent": (lambda q: q.range_adjacent("seats", (4, 7)), [4]),
        "match": (lambda q: q.match({"floor": 1, "heated": True}), [4]),
        "not": (lambda q: q.not_.gt("floor", 0), [1, 3]),
        "not is null": (lambda q: q.not_.is_("heated", None), [1, 2, 4]),
        "not in": (lambda q: q.not_.in_("id", [1, 2]), [3, 4]),
        "filter": (lambda q: q.filter("name", "in", '("Map Room","Old Kitchen")'), [2, 3]),
        "filter on a path into JSON": (lambda q: q.filter("facts->size->m2", "gt", "20"), [1, 2]),
        "two filters on one column": (lambda q: q.gt("id", 1).lt("id", 4), [2, 3]),
    }

    def test_each(self):
        for name, (filtered, expected) in self.FILTERS.items():
            with self.subTest(name):
                query = filtered(self.leslie.from_("rooms").select("id")).order("id")
                self.assertEqual(self.column("id", query), expected)

    def test_none_finds_the_other_tenants_rows(self):
        rooms = lambda: self.leslie.from_("rooms").select("id")
        self.assertEqual(rooms().in_("name", ["Warehouse", "Annex"]).execute().data, [])
        self.assertEqual(rooms().or_("name.eq.Warehouse,rent.gt.900").execute().data, [])
        self.assertEqual(len(self.michael.from_("rooms").select("id").gt("rent", 900).execute().data), 2)
