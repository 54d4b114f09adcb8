//! The S3 store against a real server (moto), and against servers that fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../../services/tests/contract/mod.rs"]
mod contract;
mod faulty;
mod moto;
mod support;

use support::{CREDENTIALS, SECRET, scenario, scenarios};

scenarios!(moto:
    s3_keeps_the_contract,
    what_is_written_is_encrypted_with_the_key_of_the_settings,
    an_upload_that_is_given_up_leaves_no_parts,
    a_downloaded_object_is_kept_and_the_room_for_it_is_bounded,
    a_missing_bucket_is_named,
    keys_that_no_uri_can_name_are_not_listed,
);

scenarios!(faulty:
    a_server_that_is_overloaded_is_asked_four_times_and_no_more,
    a_server_that_recovers_is_not_noticed,
    a_body_that_breaks_off_is_read_again_and_then_reported,
    a_body_with_the_wrong_checksum_is_not_handed_out,
    a_refusal_repeats_nothing_secret,
    a_write_whose_answer_was_lost_is_no_conflict_with_itself,
    the_end_of_an_upload_in_parts_carries_the_precondition,
    nobody_listening_is_reported_as_unavailable,
    an_endpoint_with_a_password_in_it_is_refused,
);

#[test]
fn without_credentials_the_message_says_what_to_set() {
    scenario("faulty::without_credentials", &[("AWS_REGION", "us-east-1")]);
}

#[test]
fn without_a_region_the_message_says_what_to_set() {
    let [key, secret, _] = CREDENTIALS;
    scenario("faulty::without_a_region", &[key, secret]);
}
