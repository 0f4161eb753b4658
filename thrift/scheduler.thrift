/**
 * What the scheduler nodes of one controller say to those of another. Ours alone, and between
 * controllers alone: agents and clients never see it.
 *
 * Transport: as in agent.thrift. One connection leads to all nodes that a process serves; each call
 * names its node.
 *
 * A `binary` is one of the scheduler's own structs as MessagePack, with its members by name: the
 * same structs that task journals keep. A member that the receiver does not know is skipped, one
 * that it misses has its default; so two releases understand each other as a journal is understood.
 */

/** Served by another process, or by nobody yet. */
exception NoSuchNode { 1: string node_id }

/** `body` is a Placement if `placed`, else a NoPlacement. */
struct Answer { 1: bool placed, 2: binary body }

/** `amounts` is a Summary without its facts. `facts`: empty when they are those that were told before. */
struct Telling { 1: string node_id, 2: binary amounts, 3: binary facts }

/**
 * `tellings` in the order of their change. `nodes`: all that are served here; only told when
 * `nodes_changed`.
 */
struct Tellings {
  1: string boot_id, 2: i64 cursor, 3: bool more, 4: list<Telling> tellings,
  5: bool nodes_changed, 6: list<string> nodes
}

service Scheduler {
  /**
   * Idempotent by the demand's id: what is held already is answered again.
   */
  Answer place(1: string node_id, 2: binary demand) throws (1: NoSuchNode absent),

  /** How many more of the demand there is room for; the answer is a Fits. */
  binary fits(1: string node_id, 2: binary demand) throws (1: NoSuchNode absent),

  /**
   * What happened to placements, in order: each notice is a Hold, Confirm, Release or Refused. The
   * first one has `first_number`, the next one more. A number that this caller has said before is
   * passed over, so whatever is asked again or comes late changes nothing.
   */
  void tell(1: string caller_id, 2: i64 first_number, 3: list<binary> notices),

  /**
   * The heartbeat of a process' nodes, and the summaries that changed since `cursor`: waits up to
   * `wait_ms` for the first of them. An unknown `boot_id` is answered from the beginning, in pages
   * (`more`).
   */
  Tellings summaries(1: string boot_id, 2: i64 cursor, 3: i32 wait_ms)
}
