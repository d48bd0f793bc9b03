/**
 * Every statement of the SQLite store, as text. Text only: the driver is imported by
 * sqlite-store.ts and nowhere else. The tables are in sqlite-schema.ts.
 */

/** Sequence numbers start at 1; anything below is one that rotted. */
const LOST_DELTAS = 'FROM deltas WHERE shard = ? AND (seq > ? OR seq < 1)'

export const SQL = {
  getMeta: 'SELECT value, checksum FROM meta WHERE name = ?',
  setMeta: 'INSERT OR REPLACE INTO meta (name, value, checksum) VALUES (?, ?, ?)',

  nextShard: `
    SELECT MIN(shard) AS shard FROM (
      SELECT MIN(shard) AS shard FROM snapshots WHERE shard > @after
      UNION ALL SELECT MIN(shard) FROM deltas WHERE shard > @after
      UNION ALL SELECT MIN(shard) FROM cursors WHERE shard > @after)`,
  snapshot: 'SELECT data, checksum FROM snapshots WHERE shard = ?',
  deltas: 'SELECT seq, data, checksum FROM deltas WHERE shard = ? ORDER BY seq',
  cursors: `
    SELECT consumer_group AS consumerGroup, data, checksum FROM cursors
      WHERE shard = ? ORDER BY consumer_group`,
  lastSeq: 'SELECT MAX(seq) FROM deltas WHERE shard = ?',

  putSnapshot: 'INSERT OR REPLACE INTO snapshots (shard, data, checksum) VALUES (?, ?, ?)',
  putDelta: 'INSERT INTO deltas (shard, seq, data, checksum) VALUES (?, ?, ?, ?)',
  putCursor: `
    INSERT OR REPLACE INTO cursors (shard, consumer_group, data, checksum) VALUES (?, ?, ?, ?)`,
  dropSnapshot: 'DELETE FROM snapshots WHERE shard = ?',
  dropDeltas: 'DELETE FROM deltas WHERE shard = ?',
  dropCursors: 'DELETE FROM cursors WHERE shard = ?',

  keepSnapshot: `
    INSERT INTO quarantine (kind, shard, data, checksum)
      SELECT 'snapshot', shard, data, checksum FROM snapshots WHERE shard = ?`,
  keepDeltas: `
    INSERT INTO quarantine (kind, shard, seq, data, checksum)
      SELECT 'delta', shard, seq, data, checksum ${LOST_DELTAS} ORDER BY seq`,
  keepCursor: `
    INSERT INTO quarantine (kind, shard, consumer_group, data, checksum)
      SELECT 'cursor', shard, consumer_group, data, checksum FROM cursors
      WHERE shard = ? AND consumer_group = ?`,
  dropLostDeltas: `DELETE ${LOST_DELTAS}`,
  dropCursor: 'DELETE FROM cursors WHERE shard = ? AND consumer_group = ?',
  trimQuarantine: 'DELETE FROM quarantine WHERE id <= (SELECT MAX(id) FROM quarantine) - ?'
} as const
