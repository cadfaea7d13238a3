//! Children that are inserted with their parent: `{"name": "…", "books": [{"title": "…"}]}`.
//!
//! A key of the body that is no column may be a relation that `select` would embed by this name, whose rows point at this
//! one. The columns that do are filled from the parent: from the row that was inserted where that is one row, else, because
//! Postgres does not say which returned row came of which object, from the parent's object.

use serde_json::{Map, Value};

use super::mutate::{Body, Written, forbidden, known, unknown};
use super::read::{Node, Source};
use super::{Error, Planner};
use crate::catalog::{Cardinality, Column, ForeignKey, Identifier, Link, Relation, Relationship};
use crate::request::{EmbedItem, JoinKind, Shape};

/// Rows of a relation, inserted with those that they point at.
#[derive(Debug)]
pub struct Child<'a> {
    /// Distinct in the statement; the root is 0.
    pub number: usize,
    pub relation: &'a Relation,
    /// The key of the parent's objects that holds them: an array, or an object where only one may be.
    pub name: &'a Identifier,
    pub is_one: bool,
    pub columns: Vec<&'a Column>,
    /// The columns that point at the parent, each with what it is set to.
    pub links: Vec<(&'a Column, Origin<'a>)>,
    pub children: Vec<Child<'a>>,
    /// Whether somebody reads the rows that were inserted.
    pub is_read: bool,
    link: &'a Link,
}

/// Where the value of a column comes from: the row or the object of the level `number`.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    Row { number: usize, column: &'a Column },
    Object { number: usize, column: &'a Column },
}

/// A relationship whose other side holds the key.
type Nested<'a> = (&'a Relationship, &'a ForeignKey);

/// The rows that children are nested in.
struct Parent<'a, 'p> {
    relation: &'a Relation,
    number: usize,
    /// Whether it is exactly one row.
    is_one: bool,
    columns: &'p [&'a Column],
    links: &'p [(&'a Column, Origin<'a>)],
    objects: &'p [&'p Map<String, Value>],
    depth: u64,
}

impl<'a> Planner<'a, '_> {
    /// Parts the keys of an insert's body: columns, and relations that are nested in it.
    pub(super) fn nested_names<'n>(
        &self,
        relation: &'a Relation,
        names: &'n [String],
    ) -> Result<(Vec<&'n String>, Vec<Nested<'a>>), Error> {
        let (columns, others): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| relation.column(name).is_some());
        let relationships = others
            .into_iter()
            .map(|name| {
                let item = EmbedItem {
                    alias: None,
                    relation: name.clone(),
                    hint: None,
                    join: JoinKind::Left,
                    spread: false,
                    select: Vec::new(),
                };
                match self.relationship(relation, &item) {
                    Ok(relationship) if self.catalog.get(relationship.target).name.name() == name => {
                        match &relationship.link {
                            Link::Key(key) if !key.ours => Ok((relationship, key)),
                            Link::Key(_) | Link::Junction { .. } | Link::Function { .. } => Err(POINTED_AT),
                        }
                    }
                    Ok(_) => Err(POINTED_AT),
                    Err(Error::NoRelationship { .. }) => Err(unknown(relation, name)),
                    Err(error) => Err(error),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok((columns, relationships))
    }

    /// The children of the rows that `body` inserts.
    pub(super) fn nested(
        &self,
        relation: &'a Relation,
        body: &Body<'a>,
        relationships: Vec<Nested<'a>>,
    ) -> Result<Vec<Child<'a>>, Error> {
        if relationships.is_empty() {
            return Ok(Vec::new());
        }
        let value: Value = serde_json::from_slice(&body.json)
            .map_err(|error| Error::NestedBody { why: error.to_string() })?;
        let objects: Vec<&Map<String, Value>> = match &value {
            Value::Array(elements) => elements.iter().filter_map(Value::as_object).collect(),
            other => other.as_object().into_iter().collect(),
        };
        let columns: Vec<&Column> = body
            .columns
            .iter()
            // Where an object may lack it, its value is not known before the row is there.
            .filter(|written| !written.or_default)
            .map(|written| written.column)
            .collect();
        let parent = Parent {
            relation,
            number: 0,
            is_one: matches!(body.shape, Shape::Object | Shape::Array { rows: 1 }),
            columns: &columns,
            links: &[],
            objects: &objects,
            depth: 1,
        };
        self.children(&parent, relationships, &mut 0)
    }

    fn children(
        &self,
        parent: &Parent<'a, '_>,
        relationships: Vec<Nested<'a>>,
        numbers: &mut usize,
    ) -> Result<Vec<Child<'a>>, Error> {
        let depth_max = self.limits.embed_depth_max;
        if !relationships.is_empty() && parent.depth > depth_max {
            return Err(Error::TooMany {
                what: "levels of nested rows",
                setting: "embed_depth_max",
                limit: depth_max,
            });
        }
        let children = relationships.into_iter().map(|one| self.child(parent, one, numbers));
        children.filter_map(Result::transpose).collect()
    }

    /// None where no parent has any.
    fn child(
        &self,
        parent: &Parent<'a, '_>,
        (relationship, key): Nested<'a>,
        numbers: &mut usize,
    ) -> Result<Option<Child<'a>>, Error> {
        let relation = self.catalog.get(relationship.target);
        let name = &relation.name;
        let is_one = relationship.cardinality == Cardinality::One;
        let mut objects = Vec::new();
        for value in parent.objects.iter().filter_map(|object| object.get(name.name())) {
            match value {
                Value::Null => {}
                Value::Object(object) if is_one => objects.push(object),
                Value::Array(elements) if !is_one => {
                    for element in elements {
                        objects.push(element.as_object().ok_or_else(|| unlike(name, is_one))?);
                    }
                }
                _ => return Err(unlike(name, is_one)),
            }
        }
        let Some(first) = objects.first() else { return Ok(None) };
        if objects
            .iter()
            .any(|object| object.len() != first.len() || !first.keys().all(|key| object.contains_key(key)))
        {
            return Err(Error::BodyKeysDiffer);
        }
        if !relation.privileges.insert {
            return Err(forbidden(relation));
        }
        let keys: Vec<String> = first.keys().cloned().collect();
        let (names, below) = self.nested_names(relation, &keys)?;
        let written = self.columns(relation, &names, |_| false, |column| column.may_insert)?;
        let columns: Vec<&Column> = written.into_iter().map(|Written { column, .. }| column).collect();
        *numbers += 1;
        let number = *numbers;
        // Each is a statement of its own in the WITH.
        let relations_max = self.limits.nested_relations_max;
        if number > relations_max {
            return Err(Error::TooMany {
                what: "nested relations",
                setting: "nested_relations_max",
                limit: relations_max as u64,
            });
        }
        let links = links(parent, key, relation)?;
        for (column, _) in &links {
            if !column.may_insert {
                return Err(forbidden(relation));
            }
            if columns.iter().any(|written| written.name == column.name) {
                return Err(Error::NotImplemented {
                    what: "a nested row that says itself what it belongs to",
                });
            }
        }
        let children = self.children(
            &Parent {
                relation,
                number,
                is_one: parent.is_one && is_one,
                columns: &columns,
                links: &links,
                objects: &objects,
                depth: parent.depth + 1,
            },
            below,
            numbers,
        )?;
        let is_read = reads(&children, number);
        let link = &relationship.link;
        Ok(Some(Child { number, relation, name, is_one, columns, links, children, is_read, link }))
    }
}

const POINTED_AT: Error =
    Error::NotImplemented { what: "nested rows that do not themselves point at their parent" };

/// What each column that points at the parent is set to.
fn links<'a>(
    parent: &Parent<'a, '_>,
    key: &'a ForeignKey,
    child: &'a Relation,
) -> Result<Vec<(&'a Column, Origin<'a>)>, Error> {
    let mut links = Vec::new();
    for (ours, theirs) in &key.columns {
        let (ours, theirs) = (known(parent.relation, ours.name())?, known(child, theirs.name())?);
        let number = parent.number;
        let in_body = parent.columns.iter().any(|column| column.name == ours.name);
        let inherited = parent.links.iter().find(|(column, _)| column.name == ours.name);
        let is_tenant = |relation: &Relation, column: &Column| {
            relation.tenant_column.as_deref() == Some(column.name.name())
        };
        if parent.is_one {
            if !ours.may_select {
                return Err(forbidden(parent.relation));
            }
            links.push((theirs, Origin::Row { number, column: ours }));
        } else if in_body {
            links.push((theirs, Origin::Object { number, column: ours }));
        } else if let Some((_, origin)) = inherited {
            links.push((theirs, *origin));
        } else if !(is_tenant(parent.relation, ours) && is_tenant(child, theirs)) {
            // Both are the request's tenant otherwise, by their defaults.
            return Err(Error::NotImplemented {
                what: "rows nested in several parents whose key is not in the body",
            });
        }
    }
    Ok(links)
}

/// Whether any of `children` takes a value from the rows of the level `number`.
fn reads(children: &[Child<'_>], number: usize) -> bool {
    children.iter().any(|child| {
        let reads_here = |(_, origin): &(&Column, Origin<'_>)| {
            matches!(origin, Origin::Row { number: of, .. } if *of == number)
        };
        child.links.iter().any(reads_here) || reads(&child.children, number)
    })
}

/// Lets a representation read the children that were inserted: a statement sees other relations as they were before it
/// (Postgres manual, 7.8.4).
pub(super) fn read_inserted(node: &mut Node<'_>, children: &mut [Child<'_>]) {
    for embed in &mut node.embeds {
        if let Some(child) = children.iter_mut().find(|child| std::ptr::eq(child.link, embed.link)) {
            child.is_read = true;
            embed.node.source = Source::Inserted(child.number);
            read_inserted(&mut embed.node, &mut child.children);
        }
    }
}

fn unlike(name: &Identifier, is_one: bool) -> Error {
    let expected = if is_one { "an object" } else { "an array of objects" };
    Error::NestedBody { why: format!("{} must be {expected}", name.name()) }
}
