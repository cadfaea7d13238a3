//! `column=operator.value`, and trees of them.

use super::Api;

/// Each query and the books that it finds.
async fn check(cases: &[(&str, &[i64])]) {
    let api = Api::library().await;
    for (query, found) in cases {
        assert_eq!(api.ids(&format!("order=id&{query}")).await, *found, "{query}");
    }
}

#[tokio::test]
async fn each_operator_finds_what_it_says_and_no_more() {
    check(&[
        ("id=eq.1", &[1]),
        ("id=neq.1", &[2, 3, 4]),
        ("pages=gt.264", &[1]),
        ("pages=gte.264", &[1, 2]),
        ("pages=lt.40", &[4]),
        ("pages=lte.40", &[3, 4]),
        ("title=like.Kind*", &[2]),
        ("title=like.Kind%25", &[2]),
        ("title=like.Kind", &[]),
        ("title=ilike.kind*", &[2, 4]),
        ("title=match.^K", &[2]),
        ("title=imatch.^k", &[2, 4]),
        ("id=in.(1,3)", &[1, 3]),
        ("id=in.()", &[]),
        (r#"title=in.("100%25 Wool, a \"Guide\"",Kindred)"#, &[2, 3]),
        ("available=is.true", &[1, 4]),
        ("available=is.false", &[2]),
        ("available=is.unknown", &[3]),
        ("available=is.NULL", &[3]),
        ("available=is.not_null", &[1, 2, 4]),
        ("available=isdistinct.true", &[2, 3]),
        ("tags=cs.{sf}", &[1, 2]),
        ("tags=cs.{sf,utopia}", &[1]),
        ("tags=cd.{sf,history,more}", &[2, 3]),
        ("tags=ov.{utopia,history}", &[1, 2]),
        ("tags=eq.{}", &[3]),
        (r#"data=cs.{"lang":"en"}"#, &[1, 2]),
        ("span=cs.[7,8)", &[1, 2]),
        ("span=ov.[10,21)", &[2, 4]),
        ("span=sl.[15,18)", &[1, 2]),
        ("span=sr.[15,18)", &[4]),
        ("span=nxr.[0,14)", &[1]),
        ("span=nxl.[5,100)", &[2, 4]),
        ("span=adj.[15,20)", &[2, 4]),
    ])
    .await;
}

#[tokio::test]
async fn any_and_all_compare_with_each_element_of_an_array() {
    check(&[
        ("id=eq(any).{1,3}", &[1, 3]),
        ("id=eq(any).{}", &[]),
        ("id=gt(all).{1,2}", &[3, 4]),
        ("id=not.eq(any).{1,3}", &[2, 4]),
        ("title=like(any).{Kin*,The*}", &[1, 2]),
        ("title=ilike(all).{*kin*,*d*}", &[2, 4]),
        ("title=match(any).{^K,^k}", &[2, 4]),
        ("or=(id.eq(any).{1,2},pages.lt(all).{20,30})", &[1, 2, 4]),
    ])
    .await;
}

#[tokio::test]
async fn full_text_operators_search_in_a_language() {
    check(&[
        ("title=fts.dispossess", &[1]),
        ("title=fts.wool%20%26%20guide", &[3]),
        ("title=fts(simple).dispossess", &[]),
        ("title=plfts.guide%20wool", &[3]),
        ("title=phfts(english).the%20dispossessed", &[1]),
        ("title=wfts.kindred%20or%20kindling", &[2, 4]),
        ("title=not.wfts.kindred", &[1, 3, 4]),
        ("data->>lang=fts(simple).fr", &[3]),
        ("or=(title.fts(english).wools,id.eq.1)", &[1, 3]),
    ])
    .await;
}

#[tokio::test]
async fn not_turns_any_operator_and_null_is_neither() {
    check(&[
        ("id=not.eq.1", &[2, 3, 4]),
        ("rating=not.gt.4.2", &[2, 4]),
        ("tags=not.cs.{sf}", &[3]),
        ("id=not.in.(1,2)", &[3, 4]),
        ("id=not.in.()", &[1, 2, 3, 4]),
        ("available=not.is.null", &[1, 2, 4]),
        ("available=not.isdistinct.true", &[1, 4]),
    ])
    .await;
}

#[tokio::test]
async fn repeated_filters_are_all_true() {
    check(&[
        ("pages=gt.20&pages=lt.300", &[2, 3]),
        ("pages=gt.20&pages=lt.300&available=is.null", &[3]),
        ("pages=gt.300&pages=lt.20", &[]),
    ])
    .await;
}

#[tokio::test]
async fn groups_nest_and_quote() {
    check(&[
        ("or=(id.eq.1,id.eq.4)", &[1, 4]),
        ("and=(pages.gt.20,pages.lt.300)", &[2, 3]),
        ("or=(and(pages.gt.300,rating.gt.4),title.eq.kindling)", &[1, 4]),
        ("or=( id.eq.1 , id.eq.4 )", &[1, 4]),
        ("not.or=(id.eq.1,id.eq.2)", &[3, 4]),
        ("not.and=(id.gt.1,id.lt.4)", &[1, 4]),
        ("and=(or(id.eq.1,id.eq.2),not.and(id.eq.1,pages.eq.387))", &[2]),
        ("or=(id.not.in.(1,2,3),tags.cs.{sf,utopia})", &[1, 4]),
        (r#"or=(title.eq."100%25 Wool, a \"Guide\"",id.eq.2)"#, &[2, 3]),
        ("or=(data->>lang.eq.fr,id.eq.4)", &[3, 4]),
        ("or=(available.is.null,title.like.*ling)", &[3, 4]),
        ("or=(id.eq.1,id.eq.2)&pages=lt.300", &[2]),
    ])
    .await;
}

#[tokio::test]
async fn json_paths_lead_into_json_arrays_and_other_types() {
    check(&[
        ("data->>lang=eq.en", &[1, 2]),
        (r#"data->lang=eq."en""#, &[1, 2]),
        ("data->n->>deep=eq.8", &[2]),
        ("data->n->deep=gt.7", &[2]),
        ("data->isbn->>0=eq.a1", &[1]),
        ("data->isbn->>-1=eq.a2", &[1]),
        ("data->isbn->>01=eq.a1", &[]),
        ("data->nothing=is.null", &[1, 2, 3, 4]),
        ("tags->>1=eq.history", &[2]),
        // A path is bound, so it is a name and no SQL.
        ("data->>lang'=eq.en", &[]),
    ])
    .await;
}

#[tokio::test]
async fn another_tenants_rows_are_not_found_by_any_filter() {
    check(&[
        ("title=eq.Learn%20Your%20Rights", &[]),
        ("or=(tenant_id.eq.162be16f-4c1d-4b0e-9a53-6f7d20c8e915,id.is.null)", &[]),
        ("tenant_id=neq.7a245486-3fc8-47ec-b303-04fefe7a58ff", &[]),
    ])
    .await;
}

#[tokio::test]
async fn filters_that_make_no_sense_are_refused_with_a_code() {
    let api = Api::library().await;
    for (query, status, code) in [
        ("id=1", 400, "PGRST100"),
        ("id=equals.1", 400, "PGRST100"),
        ("id=eq", 400, "PGRST100"),
        ("id", 400, "PGRST100"),
        ("id=in.1", 400, "PGRST100"),
        ("id=in.(1", 400, "PGRST100"),
        ("id=in.(1)x", 400, "PGRST100"),
        ("id=is.maybe", 400, "PGRST100"),
        ("or=()", 400, "PGRST100"),
        ("or=(id.eq.1", 400, "PGRST100"),
        ("or=(id.eq.1))", 400, "PGRST100"),
        ("data->=eq.1", 400, "PGRST100"),
        ("id=eq(some).{1,2}", 400, "PGRST100"),
        ("id=neq(any).{1,2}", 400, "PGRST100"),
        ("id=eq(any).1", 400, "22P02"),
        ("title=fts(klingon).wool", 400, "42704"),
        ("title=fts.wool guide", 400, "42601"),
        ("nothing=eq.1", 400, "42703"),
        ("or=(nothing.eq.1)", 400, "42703"),
        ("id=eq.x", 400, "22P02"),
        ("id=in.(1,x)", 400, "22P02"),
        ("title=match.(", 400, "2201B"),
        // Postgres has no such operator for the type.
        ("title=cs.{a}", 404, "42883"),
        ("id=is.true", 400, "42804"),
    ] {
        let answer = api.get(&format!("/books?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{query}: {answer:?}");
    }
    let unknown = api.get("/books?titel=eq.x").await.fails(400, "42703");
    assert_eq!(unknown.json()["hint"], "Perhaps you meant title");
}
