/** Our own metrics by name, with the labels each has: what a condition may ask for. A test holds it to the code. */

const OF_SHARD = ['shard', 'feed'] as const;
const OF_PLACE = ['location'] as const;
/** Where its page was read: a collector's series do not say whose they are. */
const OF_PAGE = ['instance'] as const;

export const METRICS: Readonly<Record<string, readonly string[]>> = {
  ssmd_connector_up: OF_SHARD,
  ssmd_connector_state: [...OF_SHARD, 'state'],
  ssmd_connector_messages_received_total: [...OF_SHARD, 'symbol'],
  ssmd_connector_bytes_received_total: OF_SHARD,
  ssmd_connector_events_total: OF_SHARD,
  ssmd_connector_gaps_total: OF_SHARD,
  ssmd_connector_book_checks_total: [...OF_SHARD, 'result'],
  ssmd_connector_drops_total: OF_SHARD,
  ssmd_connector_rejected_total: OF_SHARD,
  ssmd_connector_alarms_total: [...OF_SHARD, 'kind'],
  ssmd_connector_websocket_reconnects_total: OF_SHARD,
  ssmd_connector_connections: OF_SHARD,
  ssmd_connector_connections_open: OF_SHARD,
  ssmd_connector_lag_seconds: OF_SHARD,
  ssmd_connector_queue_ratio: OF_SHARD,
  ssmd_connector_stream_ratio: OF_SHARD,
  ssmd_connector_local_log_bytes: OF_SHARD,
  ssmd_connector_segments_pending: OF_SHARD,
  ssmd_connector_segments_shipped_total: OF_SHARD,
  ssmd_connector_segment_conflicts_total: OF_SHARD,
  ssmd_shard_symbols_count: OF_SHARD,
  ssmd_clock_offset_us: [...OF_PLACE, 'source'],
  ssmd_clock_sync_status: OF_PLACE,
  ssmd_clock_last_sync_seconds: OF_PLACE,
  ssmd_clock_jump_detected: OF_PLACE,
  ssmd_clock_jump_magnitude_us: OF_PLACE,
  ssmd_exchange_clock_skew_us: [...OF_PLACE, 'feed'],
  ssmd_exchange_clock_skew_stddev_us: [...OF_PLACE, 'feed'],
  ssmd_exchange_clock_skew_quantile_us: [...OF_PLACE, 'feed', 'quantile'],
  ssmd_exchange_clock_skew_messages: [...OF_PLACE, 'feed'],
  ssmd_exchange_clock_skew_beyond: [...OF_PLACE, 'feed'],
  ssmd_collector_up: OF_PAGE,
  ssmd_collector_uptime_seconds: OF_PAGE,
  ssmd_collector_frames_total: OF_PAGE,
  ssmd_collector_bytes_total: OF_PAGE,
  ssmd_collector_frames_written_total: OF_PAGE,
  ssmd_collector_files_total: OF_PAGE,
  ssmd_collector_file_bytes_total: OF_PAGE,
  ssmd_collector_write_failures_total: OF_PAGE,
  ssmd_collector_write_lost_total: OF_PAGE,
  ssmd_collector_queue_full_drops_total: OF_PAGE,
  ssmd_collector_too_large_total: OF_PAGE,
  ssmd_collector_connects_total: OF_PAGE,
  ssmd_collector_disconnects_total: OF_PAGE,
  ssmd_collector_queue_frames: OF_PAGE,
  ssmd_collector_queue_bytes: OF_PAGE,
  ssmd_collector_queue_ratio: OF_PAGE,
  ssmd_collector_offline_minutes: OF_PAGE,
  ssmd_collector_offline_gaps: OF_PAGE,
  ssmd_collector_state: [...OF_PAGE, 'state'],
  ssmd_collector_gaps_total: [...OF_PAGE, 'kind'],
  ssmd_collector_alarms_total: [...OF_PAGE, 'kind'],
  ssmd_qa_check_failed: ['feed', 'check', 'date'],
};

/** One series as it was read: `ssmd_connector_up{feed="kraken",shard="tier1"} 1`. */
export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
