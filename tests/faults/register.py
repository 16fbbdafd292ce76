"""Which faults and attacks the project has to stand, what must hold, and the tests that show it.

Rows are added when a fault is found and never renumbered. A test is named as pytest names it, without parameters.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`name`: a number for a fault, a word for a class of attacks. `gap`: what is not shown by a test, and why."""

    name: str
    fault: str
    holds: str
    tests: tuple[str, ...] = ()
    gap: str = ""


def _row(name: int | str, fault: str, holds: str, *tests: str, gap: str = "") -> Row:
    return Row(name=str(name), fault=fault, holds=holds, tests=tuple(f"tests/{test}" for test in tests), gap=gap)


_DURABILITY = "jobs/test_durability.py::"
_FLEET = "jobs/test_fleet_faults.py::"
_REAL = "faults/test_real_faults.py::"
_UPSTREAM = "engines/huggingface/"

FAULTS = (
    _row(
        1,
        "`kill -9` before a job is committed",
        "nothing was acknowledged; a repeated key makes one job",
        _DURABILITY + "test_every_accepted_job_finishes_after_kill_9",
        _DURABILITY + "test_a_disk_that_keeps_nothing_ends_the_server_without_an_acknowledgement",
    ),
    _row(
        2,
        "`kill -9` after the commit, before the answer",
        "the job is made; the same key finds it",
        _DURABILITY + "test_every_accepted_job_finishes_after_kill_9",
        "api/test_idempotency.py::test_a_key_is_kept_across_a_restart",
    ),
    _row(
        3,
        "`kill -9` of a worker",
        "another one goes on from the last checkpoint; the dead one's late result counts for nothing",
        "jobs/test_fleet.py::test_a_killed_worker_s_job_is_taken_over_and_a_zombie_changes_nothing",
        _FLEET + "test_a_process_that_was_away_and_has_a_successor_changes_nothing",
    ),
    _row(
        4,
        "`kill -9` after an upstream took the job",
        "it is followed by its id, or ends `unknown_outcome`; it is never sent twice in silence",
        _UPSTREAM + "test_black_box.py::test_a_killed_process_resumes_the_same_upstream_job",
        _UPSTREAM + "test_resume.py::test_a_crash_while_submitting_is_an_unknown_outcome",
    ),
    _row(
        5,
        "`kill -9` during a download, or after the rename",
        "half a file goes; a whole one is adopted",
        _DURABILITY + "test_a_file_that_is_in_place_is_adopted",
        _DURABILITY + "test_half_written_files_are_removed_at_start",
        "store/test_bucket.py::test_a_process_that_is_killed_while_it_stores_a_file_leaves_nothing",
    ),
    _row(
        6,
        "the database's disk is full",
        "507, nothing acknowledged; goes on by itself",
        _REAL + "test_a_full_disk_under_the_database_is_told_and_left_behind",
        "store/test_transactions.py::test_when_the_commit_fails_none_of_them_has_happened",
        "store/test_database.py::test_what_a_driver_raises_is_told_by_its_code",
    ),
    _row(
        7,
        "the videos' disk is full",
        "the job fails and can be repeated; nothing half is left",
        "store/test_files.py::test_a_disk_that_really_is_full",
        "store/test_files.py::test_a_full_disk_is_busy_and_leaves_nothing",
        _UPSTREAM + "test_resume.py::test_a_full_disk_is_named",
    ),
    _row(
        8,
        "fsync fails",
        "no acknowledgement; the process ends, it does not try again",
        _DURABILITY + "test_a_disk_that_keeps_nothing_ends_the_server_without_an_acknowledgement",
    ),
    _row(
        9,
        "the database is locked for long",
        "503 with `Retry-After`, at most 5 s",
        "api/test_health.py::test_a_locked_database_is_told_at_once_and_costs_no_job",
        "store/test_database.py::test_a_writer_waits_for_a_short_lock_and_fails_on_a_long_one",
    ),
    _row(
        10,
        "Postgres stops and starts",
        "nothing is lost; it is connected again",
        "jobs/test_postgres.py::test_a_postgres_that_crashes_is_told_as_busy_and_costs_no_job",
        _FLEET + "test_a_database_that_is_away_costs_no_attempt",
    ),
    _row(
        11,
        "an upstream answers 503 or 429",
        "`Retry-After` is heeded, three rounds at most, then the contract's error",
        _UPSTREAM + "test_failures.py::test_a_rate_limit_is_tried_three_times",
        _UPSTREAM + "test_failures.py::test_loading_is_waited_for",
    ),
    _row(
        12,
        "an upstream answers 401",
        "the contract's 401, in other dialects 502",
        _UPSTREAM + "test_failures.py::test_a_wrong_token",
        "api/test_native_errors.py::test_every_code_has_an_answer",
    ),
    _row(
        13,
        "an upstream hangs or drips",
        "504 at the deadline",
        _UPSTREAM + "test_guard.py::test_every_stall_ends_at_the_deadline",
    ),
    _row(
        14,
        "an upstream sends half a file, HTML, nothing, or garbage",
        "never `completed`",
        _UPSTREAM + "test_failures.py::test_fal",
        "media/test_probe.py::test_a_truncated_file_is_refused_wherever_it_ends",
        "media/test_probe.py::test_garbage_in_the_place_of_frames_is_refused",
    ),
    _row(
        15,
        "a client hangs up while it waits",
        "its job is cancelled, upstream too; an asynchronous one goes on",
        "api/test_hang_up.py::test_hanging_up_cancels_the_job",
        "api/test_hang_up.py::test_an_asynchronous_job_goes_on",
        _UPSTREAM + "test_guard.py::test_a_cancel_ends_every_wait",
    ),
    _row(
        16,
        "fifty requests at once with one idempotency key; the key with another body",
        "one job; 422",
        "api/test_idempotency.py::test_fifty_at_once_with_one_key_make_one_job",
        "api/test_idempotency.py::test_the_same_key_with_another_wish_is_refused",
        "store/test_records.py::test_fifty_parallel_requests_with_one_key_make_one_video",
    ),
    _row(
        17,
        "a cancel three times; a cancel that races the end",
        "one end, no 500",
        "jobs/test_queue.py::test_a_queued_and_a_running_job_are_cancelled_once",
        "jobs/test_queue.py::test_cancels_that_race_the_finish_leave_one_end",
    ),
    _row(
        18,
        "the clock is set by an hour",
        "no lease or deadline misfires; no time of a job is negative",
        "jobs/test_clock.py::test_a_clock_that_is_set_while_a_job_waits_and_runs",
    ),
    _row(
        19,
        "bytes of a stored video change",
        "500 `corrupt`; it is never served",
        "jobs/test_variants.py::test_a_damaged_video_is_never_served",
    ),
    _row(
        20,
        "a webhook's receiver is down, slow, or redirects to this machine",
        "the schedule of Standard Webhooks; others are not held up; nothing private is connected to",
        "jobs/test_webhooks.py::test_a_failure_is_tried_again_with_the_same_id_and_body_until_it_is_understood",
        "jobs/test_webhooks.py::test_slow_receivers_do_not_delay_the_others",
        "jobs/test_webhooks.py::test_a_redirect_is_not_followed",
        "jobs/test_webhook_server.py::test_a_private_address_is_never_connected_to",
    ),
    _row(
        21,
        "an engine runs out of memory",
        "`out_of_memory`; its process is replaced, the server lives",
        _DURABILITY + "test_an_engine_out_of_memory_ends_one_job_only",
    ),
    _row(
        22,
        "SIGTERM with requests held and jobs running",
        "it drains, gives the rest back to the queue, exits 0; an open event stream does not hold it",
        _DURABILITY + "test_sigterm_lets_a_running_job_finish",
        _DURABILITY + "test_sigterm_gives_a_long_job_back_to_the_queue",
        "api/test_hang_up.py::test_who_waits_while_the_server_stops_is_told_to_come_back",
        "api/test_send_file.py::test_the_product_stops_although_a_client_does_not_read",
    ),
    _row(
        23,
        "two servers on one data directory",
        "the second exits 2 and says who holds it",
        _DURABILITY + "test_a_second_server_on_the_data_directory_is_refused_and_told_who_has_it",
    ),
    _row(
        24,
        "the port is taken",
        "exit 2 before a model loads",
        _DURABILITY + "test_a_taken_port_is_told_before_anything_is_loaded",
    ),
    _row(
        25,
        "the queue is full",
        "429 with `Retry-After`, nothing stored",
        _DURABILITY + "test_a_full_queue_is_told_and_stores_nothing",
        "store/test_records.py::test_a_full_queue_stores_nothing",
    ),
    _row(
        26,
        "a body of 300 MB",
        "413 while it streams; memory stays",
        "api/test_body.py::test_a_body_that_is_announced_too_long_is_refused_before_it_is_sent",
        "api/test_body.py::test_a_body_that_turns_out_too_long_is_refused_and_not_kept",
    ),
    _row(
        27,
        "heads and bodies that drip",
        "cut off after 15 s at the latest",
        "api/test_connection.py::test_a_head_that_drips_is_cut_off",
        "api/test_body.py::test_a_body_that_drips_is_cut_off",
    ),
    _row(
        28,
        "broken JSON, UTF-8, multipart; NaN, lone surrogates",
        "400, never 500",
        "api/test_body.py::test_json_at_the_edge_breaks_nothing",
        "api/test_body.py::test_malformed_json_is_told_with_the_time",
        "api/test_body.py::test_a_bad_multipart_form",
        "api/test_native_errors.py::test_half_of_a_surrogate_pair_is_refused_wherever_it_stands",
    ),
    _row(
        29,
        "a small picture that unpacks to much",
        "its header is read first; it is decoded under a limit of memory",
        "media/test_images.py::test_a_bomb_is_refused_by_its_header",
        "media/test_developing.py::test_who_lies_takes_little_memory",
    ),
    _row(
        30,
        "NUL, surrogates, right-to-left marks, a prompt of 1 MB",
        "400, or kept exactly, the same on both databases",
        "api/test_native_errors.py::test_a_prompt_that_cannot_be_kept_is_refused",
        "api/test_native.py::test_a_prompt_is_kept_exactly",
        "api/test_openai.py::test_text_is_kept_exactly",
    ),
    _row(
        31,
        "10,000 jobs in the queue",
        "status reads stay quick, lists have pages, memory stays",
        "store/test_fleet_queue.py::test_no_statement_of_a_job_walks_through_the_table",
        gap="The times are measured by `benchmarks/jobs.py` and `benchmarks/fleet.py`.",
    ),
    _row(
        32,
        "thousands of ranges, overlapping or negative",
        "the file's bytes once at most",
        "api/test_delivery.py::test_range_abuse_gets_at_most_the_file_once",
    ),
    _row(
        33,
        "line breaks and paths in file names",
        "names are the server's own",
        "store/test_files.py::test_only_ids_become_paths",
        "store/test_uploads.py::test_nothing_but_an_id_becomes_a_path",
    ),
    _row(
        34,
        "`CLIENT_URL=*`",
        "refused at the start, with the reason",
        "test_settings.py::test_the_wildcard_is_refused_with_the_reason",
    ),
    _row(
        35,
        "ids and keys are guessed",
        "nothing tells them apart, not the time either; wrong keys are counted",
        "api/test_keys.py::test_owners_cannot_see_each_others_videos",
        "api/test_keys.py::test_the_time_does_not_tell_whether_anothers_id_exists",
        "api/test_guard.py::test_wrong_keys_are_counted_by_address_and_minute",
    ),
    _row(
        36,
        "a secret in every place where one may stand; a prompt with line breaks",
        "it is in no answer, log or row; a log line stays one line",
        "api/test_keys.py::test_secrets_are_nowhere",
        "api/test_request_log.py::test_a_prompts_line_breaks_do_not_break_a_log_line",
    ),
    _row(
        37,
        "`ulimit -n 64`",
        "503; it recovers",
        "api/test_connection_limit.py::test_a_server_that_may_open_few_files_says_so_and_recovers",
    ),
    _row(
        38,
        "`Connection: Upgrade` with a body",
        "the request is answered; its body is never the next request",
        "api/test_upgrade.py::test_the_body_is_read",
        "api/test_upgrade.py::test_a_body_is_never_the_next_request",
    ),
    _row(
        39,
        "trailer fields without end, or named like headers",
        "bounded as heads are; they count for nothing",
        "api/test_framing.py::test_trailer_fields_without_end_are_cut_off",
        "api/test_framing.py::test_trailer_fields_never_count_as_headers",
    ),
    _row(
        40,
        "bodies that nobody reads, on a thousand connections",
        "cut off; others are answered",
        "api/test_connection.py::test_a_body_that_nobody_reads_is_cut_off",
        "api/test_connection_limit.py::test_whoever_holds_connections_open_shuts_nobody_out",
    ),
    _row(
        41,
        "forms and JSON that take long to parse",
        "others are answered meanwhile",
        "api/test_connection_limit.py::test_a_large_body_does_not_stop_the_others",
        "api/test_body.py::test_hostile_bodies_side_by_side",
    ),
    _row(
        42,
        "a picture whose header lies",
        "400; its decoder stays under its limit of memory",
        "media/test_images.py::test_lying_sizes_are_refused",
        "media/test_images.py::test_what_an_engine_is_given_is_checked_again",
        "media/test_developing.py::test_who_lies_takes_little_memory",
    ),
    _row(
        43,
        "a start with another database, or an empty one",
        "no file is removed",
        "store/test_migrations.py::test_a_start_with_another_database_removes_no_file",
        "store/test_migrations.py::test_a_start_with_an_empty_database_removes_no_file",
    ),
    _row(
        44,
        "Postgres is restarted under a server while another begins",
        "a job has one owner; who lost its session stops or registers anew",
        _FLEET + "test_a_process_that_was_away_and_has_no_successor_goes_on",
        "store/test_fleet_queue.py::test_a_beat_tells_what_is_held_and_who_was_called_dead",
    ),
    _row(
        45,
        "name resolution hangs, also while the server stops",
        "others are answered; it is gone in time; a second signal ends it at once",
        _REAL + "test_a_silent_name_server_of_the_moderation_holds_up_nobody",
        "test_signals.py::test_a_name_server_that_does_not_answer_holds_up_nothing",
        "test_signals.py::test_the_second_signal_ends_it_at_once",
    ),
    _row(
        46,
        "one key fills the queue",
        "others are still taken",
        "api/test_limits.py::test_a_keys_jobs_that_wait_have_a_bound_and_others_find_room",
    ),
    _row(
        47,
        "a made-up `X-Forwarded-For`",
        "limits hold; a proxy is believed when it is named",
        "api/test_addresses.py::test_a_client_cannot_hide_behind_made_up_addresses",
        "api/test_addresses.py::test_a_stranger_is_not_believed_not_even_on_loopback",
    ),
    _row(
        48,
        "a cancel is acknowledged, then `kill -9`",
        "no file of the video stays",
        _REAL + "test_a_kill_after_an_acknowledged_cancel_leaves_no_file",
        _DURABILITY + "test_a_file_that_cannot_be_removed_keeps_nobody_from_hearing_of_the_end",
        "store/test_bucket.py::test_a_file_that_comes_after_the_cancel_goes_at_the_next_start",
    ),
    _row(
        49,
        "kills at any moment while clients repeat their keys, on both databases",
        "one job a key",
        "jobs/test_chaos.py::test_twenty_seconds_under_fire",
        _DURABILITY + "test_every_accepted_job_finishes_after_kill_9",
    ),
    _row(
        50,
        "forty bodies of 16 MB at once",
        "bounded together; 503 beyond",
        "api/test_connection_limit.py::test_all_bodies_together_are_bounded",
    ),
    _row(
        51,
        "a damaged database; a newer schema",
        "one sentence with the way out, exit 2",
        _REAL + "test_a_damaged_page_is_found_by_the_doctor_and_at_the_start",
        "store/test_migrations.py::test_a_damaged_database_is_told_in_a_sentence",
        "store/test_migrations.py::test_a_newer_release_may_say_that_this_program_is_too_old",
    ),
    _row(
        52,
        "no locks, no hard links, no anonymous memory, closed streams, the C locale",
        "it works, or says in one sentence what is missing",
        "store/test_bare_systems.py::test_a_video_is_made_without",
        "store/test_bare_systems.py::test_a_directory_without_any_locks_is_refused_in_a_sentence",
        "cli/test_streams.py::test_a_server_runs_with_closed_streams",
        "cli/test_streams.py::test_the_c_locale_keeps_prompts_names_and_the_banner",
    ),
)

ATTACKS = (
    _row(
        "pickles",
        "a model folder holds code",
        "only safetensors are read; the code never runs",
        "engines/local/test_loading.py::test_a_pickle_beside_safetensors_is_never_opened",
    ),
    _row(
        "server-side requests",
        "image and webhook addresses that lead inside",
        "no connection, however the address is written",
        "test_outbound.py::test_no_way_of_writing_a_url_reaches_this_machine",
        "test_outbound.py::test_a_redirect_is_judged_like_the_first_address",
        "test_outbound.py::test_a_name_is_judged_by_what_it_resolves_to",
    ),
    _row(
        "redirected credentials",
        "an upstream redirects to another host",
        "no token arrives there",
        _UPSTREAM + "test_failures.py::test_a_redirect_to_another_host_is_not_followed",
        _UPSTREAM + "test_failures.py::test_a_redirected_result_is_fetched_without_a_token",
    ),
    _row(
        "path traversal",
        "`..`, `%2e`, `\\`, NUL in paths",
        "404; paths are made by the server",
        "api/test_native_errors.py::test_odd_paths_are_unknown_routes",
        "store/test_files.py::test_only_ids_become_paths",
    ),
    _row(
        "routes without a key",
        "every route and method",
        "401 but for the allow list",
        "api/test_keys.py::test_every_route_and_method_asks_for_a_key",
        "api/test_keys.py::test_what_is_not_on_the_allow_list_asks_too",
    ),
    _row(
        "scopes",
        "a key without the right, or another owner's",
        "403 or 404 on every route and method, which are taken from the API's own description",
        "api/test_scopes.py::test_without_a_key_and_with_a_wrong_one_nobody_comes_in",
        "api/test_scopes.py::test_a_key_is_let_in_where_its_scope_is_named_and_nowhere_else",
        "api/test_scopes.py::test_an_owners_keys_share_its_videos_and_no_other_key_sees_them",
    ),
    _row(
        "foreign web pages",
        "a page that somebody visits talks to the local server",
        "421 for a foreign `Host`, 403 for a foreign `Origin`, 415 for a plain form",
        "api/test_guard.py::test_a_foreign_host_name_is_not_answered_to",
        "api/test_guard.py::test_a_foreign_origin_may_not_change_anything",
        "api/test_guard.py::test_a_simple_cross_site_form_is_refused_by_its_type",
    ),
    _row(
        "stored scripts",
        "what somebody sent comes back as a page",
        "it never does; a strict policy",
        "api/test_guard.py::test_nothing_a_client_sent_is_served_as_a_page",
        "api/test_page.py::test_the_page_comes_with_a_strict_policy",
    ),
    _row(
        "unbounded numbers",
        "frames, sizes, steps, counts",
        "each is bounded, and their product",
        "api/test_leniency.py::test_numbers_beyond_all_bounds_are_refused",
        "api/test_native_errors.py::test_a_field_that_is_out_of_range_is_named",
    ),
    _row(
        "parsers",
        "multipart heads, parts, boundaries, ranges",
        "bounded",
        "api/test_body.py::test_a_bad_boundary",
        "api/test_leniency.py::test_a_form_of_tiny_parts_ends_at_the_limit",
        "api/test_delivery.py::test_range_abuse_gets_at_most_the_file_once",
    ),
    _row(
        "smuggling",
        "two lengths, a length beside chunks, odd line ends",
        "refused in words, and the connection ends",
        "api/test_framing.py::test_a_faulty_request_is_refused_in_words",
        "api/test_upgrade.py::test_a_body_is_never_the_next_request",
    ),
    _row(
        "error texts",
        "paths and addresses in messages",
        "none",
        "api/test_request_log.py::test_a_fault_of_ours_tells_nothing_but_the_requests_id",
        "api/test_openai.py::test_an_exception_in_an_engine_tells_no_secret",
    ),
    _row(
        "key checks",
        "timing, keys at rest",
        "digests only; a key is shown once, and ends at once where it is revoked",
        "api/test_key_routes.py::test_a_new_key_has_the_form_that_scanners_know_and_is_shown_once",
        "api/test_key_routes.py::test_a_revoked_key_ends_at_once_and_its_jobs_go_on",
    ),
    _row(
        "secrets of engines",
        "an engine's process reads another one's token",
        "it has its own only",
        "test_running_settings.py::test_an_engines_process_has_no_secret_that_is_not_its_own",
        "test_running_settings.py::test_an_upstream_engines_process_has_its_own_tokens_and_no_other_secret",
    ),
)
