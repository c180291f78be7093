//! Structured fields (RFC 9651), read so that a text says one thing.
//!
//! The RFC lets the last of two equal keys win. Here they are refused: whoever wrote the signature
//! and whoever judges it must not differ in which one counts.

use crate::MAX_COMPONENTS;
use sfv::{
    BareItem, BareItemFromInput, DictSerializer, Error, InnerListSerializer, Key, KeyRef, ListSerializer,
    Parser,
    visitor::{DictionaryVisitor, EntryVisitor, InnerListVisitor, ItemVisitor, ParameterVisitor},
};

/// Most members of a dictionary, and most parameters of one item. Keys are compared with one
/// another, so that their number must be small; known fields have two or three.
const MAX_KEYS: usize = 16;

/// Parameters in the order in which they were written.
pub(crate) type Params = Vec<(Key, BareItem)>;

/// An item with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) value: BareItem,
    pub(crate) params: Params,
}

/// What stands behind a key of a dictionary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) value: Value,
    pub(crate) params: Params,
}

/// An item or an inner list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Item(BareItem),
    List(Vec<Item>),
}

/// A dictionary in the order in which it was written.
pub(crate) type Dictionary = Vec<(Key, Member)>;

/// What a dictionary holds under a key.
pub(crate) fn member<'d>(dictionary: &'d Dictionary, key: &str) -> Option<&'d Member> {
    dictionary.iter().find(|(name, _)| name.as_str() == key).map(|(_, member)| member)
}

/// Reads a dictionary (RFC 9651 §4.2.2).
pub(crate) fn dictionary(text: &str) -> Result<Dictionary, Error> {
    Parser::new(text).parse_dictionary_with_visitor(Members(Vec::new()))
}

/// Reads an item (RFC 9651 §4.2.3).
pub(crate) fn item(text: &str) -> Result<Item, Error> {
    let mut item = Item { value: BareItem::Boolean(true), params: Vec::new() };
    Parser::new(text).parse_item_with_visitor(ItemSlot(&mut item))?;
    Ok(item)
}

/// Writes an item (RFC 9651 §4.1.3).
pub(crate) fn item_text(item: &Item) -> String {
    let parameters = sfv::ItemSerializer::new().bare_item(&item.value).parameters(pairs(&item.params));
    parameters.finish()
}

/// Writes an inner list (RFC 9651 §4.1.1.1).
pub(crate) fn list_text(items: &[Item], params: &Params) -> String {
    let mut list = ListSerializer::new();
    write_list(list.inner_list(), items, params);
    list.finish().unwrap_or_default()
}

/// Writes what stands behind a key: an item or an inner list, with its parameters.
pub(crate) fn member_text(member: &Member) -> String {
    match &member.value {
        Value::Item(value) => item_text(&Item { value: value.clone(), params: member.params.clone() }),
        Value::List(items) => list_text(items, &member.params),
    }
}

/// Writes a dictionary of one member (RFC 9651 §4.1.2).
pub(crate) fn dictionary_text(key: &KeyRef, member: &Member) -> String {
    let mut dictionary = DictSerializer::new();
    match &member.value {
        Value::Item(value) => _ = dictionary.bare_item(key, value).parameters(pairs(&member.params)),
        Value::List(items) => write_list(dictionary.inner_list(key), items, &member.params),
    }
    dictionary.finish().unwrap_or_default()
}

fn write_list(mut list: InnerListSerializer<'_>, items: &[Item], params: &Params) {
    for item in items {
        _ = list.bare_item(&item.value).parameters(pairs(&item.params));
    }
    _ = list.finish().parameters(pairs(params));
}

fn pairs(params: &Params) -> impl Iterator<Item = (&Key, &BareItem)> {
    params.iter().map(|(key, value)| (key, value))
}

/// What the field's grammar allows and Legation does not.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the key `{0}` twice")]
    Twice(String),
    #[error("more than {MAX_KEYS} keys")]
    TooManyKeys,
    #[error("more than {MAX_COMPONENTS} items in a list")]
    TooManyItems,
}

fn check_key<T>(known: &[(Key, T)], key: &KeyRef) -> Result<(), Refused> {
    if known.iter().any(|(name, _)| name.as_str() == key.as_str()) {
        return Err(Refused::Twice(key.as_str().to_owned()));
    }
    if known.len() == MAX_KEYS {
        return Err(Refused::TooManyKeys);
    }
    Ok(())
}

struct Members(Dictionary);

impl<'de> DictionaryVisitor<'de> for Members {
    type Out = Dictionary;
    type Error = Refused;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Refused> {
        check_key(&self.0, key)?;
        let member = Member { value: Value::Item(BareItem::Boolean(true)), params: Vec::new() };
        self.0.push((key.to_owned(), member));
        Ok(self.0.last_mut().map(|(_, member)| MemberSlot(member)))
    }

    fn finish(self) -> Result<Dictionary, Refused> {
        Ok(self.0)
    }
}

struct MemberSlot<'a>(&'a mut Member);

impl<'de> EntryVisitor<'de> for MemberSlot<'_> {
    type Error = Refused;

    fn item(self) -> Result<impl ItemVisitor<'de>, Refused> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Refused> {
        Ok(ListSlot { member: self.0, items: Vec::new() })
    }
}

impl<'de> ItemVisitor<'de> for MemberSlot<'_> {
    type Out = ();
    type Error = Refused;

    fn bare_item(
        self,
        found: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Refused> {
        self.0.value = Value::Item(found.into());
        Ok(ParamsSlot(&mut self.0.params))
    }
}

struct ListSlot<'a> {
    member: &'a mut Member,
    items: Vec<Item>,
}

impl<'de> InnerListVisitor<'de> for ListSlot<'_> {
    type Error = Refused;

    fn item(&mut self) -> Result<impl ItemVisitor<'de>, Refused> {
        if self.items.len() == MAX_COMPONENTS {
            return Err(Refused::TooManyItems);
        }
        self.items.push(Item { value: BareItem::Boolean(true), params: Vec::new() });
        Ok(self.items.last_mut().map(ItemSlot))
    }

    fn finish(self) -> Result<impl ParameterVisitor<'de>, Refused> {
        self.member.value = Value::List(self.items);
        Ok(ParamsSlot(&mut self.member.params))
    }
}

struct ItemSlot<'a>(&'a mut Item);

impl<'de> ItemVisitor<'de> for ItemSlot<'_> {
    type Out = ();
    type Error = Refused;

    fn bare_item(
        self,
        found: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Refused> {
        self.0.value = found.into();
        Ok(ParamsSlot(&mut self.0.params))
    }
}

struct ParamsSlot<'a>(&'a mut Params);

impl<'de> ParameterVisitor<'de> for ParamsSlot<'_> {
    type Out = ();
    type Error = Refused;

    fn parameter(&mut self, key: &'de KeyRef, value: BareItemFromInput<'de>) -> Result<(), Refused> {
        check_key(self.0, key)?;
        self.0.push((key.to_owned(), value.into()));
        Ok(())
    }

    fn finish(self) -> Result<(), Refused> {
        Ok(())
    }
}
