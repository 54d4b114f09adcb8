//! Secrets, logs and metrics against a real server (moto), and against servers that fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "watch/faulty.rs"]
mod faulty;
#[path = "watch/moto.rs"]
mod moto;
#[path = "watch/query.rs"]
mod query;
mod support;

use support::{CREDENTIALS, scenario, scenarios};

scenarios!(moto:
    secrets_under_the_prefix_are_read_and_no_others,
    log_lines_arrive_in_order_in_a_group_and_stream_that_are_made,
    a_group_that_is_deleted_meanwhile_is_made_again,
    calls_are_counted_and_timed_for_each_tool,
);

scenarios!(faulty:
    lines_wait_for_a_service_that_comes_back,
    lines_that_the_service_refuses_for_good_are_counted,
    a_service_that_never_answers_does_not_hold_up_the_end,
    a_secret_that_may_not_be_read_is_denied_without_its_value,
    an_endpoint_with_a_password_in_it_is_refused,
);

#[test]
fn without_a_region_the_message_says_what_to_set() {
    let [key, secret, _] = CREDENTIALS;
    scenario("faulty::without_a_region", &[key, secret]);
}
