//! What files are called.

use proptest::prelude::*;
use tickwire::dbn_files::FileName;
use tickwire::record::Schema;

fn name(publication: &str, publisher: Option<&str>, schema: Schema, date: u32, number: u32) -> FileName {
    FileName { publication: publication.into(), publisher: publisher.map(Into::into), schema, date, number }
}

#[test]
fn a_name_tells_publication_schema_day_and_number() {
    let text = name("nasdaq", None, Schema::Mbp10, 20231115, 3).to_string();
    assert_eq!(text, "nasdaq.mbp-10.20231115.0003.dbn.zst");
    assert_eq!(name("us", Some("xpsx-itch"), Schema::Mbo, 20231115, 12345).to_string(), "us@xpsx-itch.mbo.20231115.12345.dbn.zst");
}

proptest! {
    #[test]
    fn what_was_written_is_read_and_two_names_are_alike_only_if_all_of_them_is(
        publication in "[a-z][a-z.0-9_-]{0,20}", other in "[a-z][a-z.0-9_-]{0,20}", publisher in proptest::option::of("[a-z]{4}-[a-z]{4}"),
        schema in 0..Schema::COUNT, date in 19700101_u32..25540721, number in 0..20_000_u32,
    ) {
        let one = name(&publication, publisher.as_deref(), Schema::ALL[schema], date, number);
        prop_assert_eq!(FileName::parse(&one.to_string()), Some(one.clone()));
        let two = name(&other, publisher.as_deref(), Schema::ALL[schema], date, number);
        prop_assert_eq!(one == two, one.to_string() == two.to_string());
    }

    #[test]
    fn noise_is_no_name(noise in "\\PC{0,40}") {
        if let Some(name) = FileName::parse(&noise) {
            prop_assert_eq!(name.to_string(), noise);
        }
    }

    #[test]
    fn files_of_a_schema_sort_by_day_and_number(a in 0..9999_u32, b in 0..9999_u32, day in 20230101_u32..20230131, later in 0..3_u32) {
        let [one, two] = [(day, a), (day + later, b)].map(|(day, number)| name("x", None, Schema::Mbo, day, number));
        prop_assert_eq!(one.cmp(&two), one.to_string().cmp(&two.to_string()));
    }
}
