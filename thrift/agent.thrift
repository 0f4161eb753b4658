/**
 * What a controller says to the agent of a host. Ours alone: nothing of it is on the public API.
 *
 * Transport: framed (4-byte big-endian length), strict binary protocol, many calls in flight on one
 * connection, matched by sequence id; answers may come in any order.
 *
 * One agent process serves one host (QEMU) or many (simulated); each call names its host by the
 * host's id, which `provision` gave it. Amounts are MiB and GiB unless the name says otherwise.
 *
 * Each change carries `fence`: the order in which the control plane decided. An agent remembers the
 * highest fence it saw for a VM, a disk, an image, and the host itself (its mode, its terms), and
 * refuses a lower one (STALE_FENCE). Each change is idempotent by the id of what it makes or unmakes: saying it twice is saying it once.
 */

enum GuestState { STOPPED = 1, STARTED = 2, SUSPENDED = 3, ERROR = 4 }
enum HostMode { NORMAL = 1, ENTERING_MAINTENANCE = 2, MAINTENANCE = 3, DEPROVISIONED = 4 }
enum PowerOp { START = 1, STOP = 2, RESTART = 3, SUSPEND = 4, RESUME = 5 }
enum ConsoleKind { SERIAL = 1, VNC = 2 }

/** Why an agent says no. `code` is one of the names in photon/domain/guest.py: AgentRefusal. */
exception Refused { 1: string code, 2: string message, 3: map<string, string> data }

struct Datastore {
  1: string id, 2: string name, 3: string type, 4: set<string> tags,
  5: i64 capacity_gib, 6: i64 free_gib, 7: bool image_datastore
}

/** A host's hardware and what it reaches, before overcommit; the terms by which it admits, 0 if it does not say. */
struct HostCapacity {
  1: i32 cpus, 2: i64 memory_mib, 3: list<Datastore> datastores, 4: list<string> networks, 5: string hypervisor,
  6: double cpu_overcommit = 0.0, 7: double memory_overcommit = 0.0
}

struct ImageSource { 1: string id, 2: string checksum, 3: i64 size_bytes, 4: string url }
struct GuestDisk { 1: string id, 2: i32 capacity_gib, 3: bool boot, 4: bool persistent, 5: string datastore_id }
struct GuestNic { 1: string network, 2: string mac_address }

struct GuestSpec {
  1: string vm_id, 2: string name, 3: i32 cpus, 4: i64 memory_mib, 5: string datastore_id,
  6: ImageSource image, 7: list<GuestDisk> disks, 8: list<GuestNic> nics,
  9: map<string, string> environment, 10: string project_id
}

/** A guest as its host sees it. `memory_mib`, `cpus`: what it holds of the host, running or not. */
struct Guest {
  1: string vm_id, 2: GuestState state, 3: i32 cpus, 4: i64 memory_mib, 5: string datastore_id,
  6: list<GuestDisk> disks, 7: i64 fence, 8: string name
}

/** A persistent disk that lies on this host's datastores, attached or not. */
struct HostDisk { 1: string disk_id, 2: i32 capacity_gib, 3: string datastore_id, 4: string attached_vm_id, 5: i64 fence }

struct Provision {
  1: string host_id, 2: string address, 3: string username, 4: string password,
  5: double cpu_overcommit, 6: double memory_overcommit, 7: list<string> allowed_datastores, 8: i64 fence
}

/** All that a host holds. `generation` rises with every change of it. */
struct Inventory {
  1: string host_id, 2: i64 generation, 3: HostMode mode, 4: HostCapacity capacity,
  5: list<Guest> guests, 6: list<HostDisk> disks, 7: list<string> image_checksums
}

/**
 * What changed on one host since the cursor. `full` says that `guests` and `disks` are all there are;
 * else they are the changed ones, and `gone_*` the ids that are no more.
 */
struct HostReport {
  1: string host_id, 2: i64 generation, 3: HostMode mode, 4: list<Datastore> datastores,
  5: list<Guest> guests, 6: list<HostDisk> disks, 7: list<string> gone_guests, 8: list<string> gone_disks, 9: bool full
}

/**
 * `hosts` are all the hosts that this process serves and that are alive; `reports` only the changed ones. With
 * `same_hosts`, `hosts` is empty and they are those of the last answer that named any: ten thousand ids in each
 * heartbeat would cost more than all else in it.
 */
struct ReportBatch {
  1: string boot_id, 2: i64 cursor, 3: list<string> hosts, 4: list<HostReport> reports, 5: bool more, 6: bool same_hosts
}

struct NetworkConnection { 1: string network, 2: string mac_address, 3: string ip_address, 4: string netmask, 5: bool connected }
struct ConsoleTicket { 1: string host, 2: i32 port, 3: string path, 4: string ticket, 5: i32 valid_seconds, 6: string ssl_thumbprint }
struct CapturedImage { 1: string url, 2: string checksum, 3: i64 virtual_size_bytes, 4: i64 file_size_bytes }

service Agent {
  /** Is anybody there? Answers the agent's version. */
  string ping(),
  /** Takes the host under this control plane; twice with the same id is once. BAD_CREDENTIALS, OTHER_PLANE. */
  Inventory provision(1: Provision request) throws (1: Refused refused),
  /** Gives the host back: refused with HOST_HAS_GUESTS while guests or disks are on it. */
  void deprovision(1: string host_id, 2: i64 fence) throws (1: Refused refused),
  Inventory inventory(1: string host_id) throws (1: Refused refused),
  /**
   * The heartbeat of every host of this process in one call, and what changed since `cursor`. Waits up to `wait_ms`
   * for a change. An unknown `boot_id` or a cursor that is too old is answered with full reports, in pages (`more`).
   */
  ReportBatch report(1: string boot_id, 2: i64 cursor, 3: i32 wait_ms),
  void set_mode(1: string host_id, 2: i64 fence, 3: HostMode mode) throws (1: Refused refused),

  Guest create_vm(1: string host_id, 2: i64 fence, 3: GuestSpec spec) throws (1: Refused refused),
  /** Refused with NOT_POWERED_OFF unless `force`; a guest that is not there is success. Persistent disks are left. */
  void delete_vm(1: string host_id, 2: i64 fence, 3: string vm_id, 4: bool force) throws (1: Refused refused),
  Guest power_vm(1: string host_id, 2: i64 fence, 3: string vm_id, 4: PowerOp op) throws (1: Refused refused),
  list<NetworkConnection> vm_networks(1: string host_id, 2: string vm_id) throws (1: Refused refused),
  ConsoleTicket console_ticket(1: string host_id, 2: string vm_id, 3: ConsoleKind kind) throws (1: Refused refused),

  HostDisk create_disk(1: string host_id, 2: i64 fence, 3: GuestDisk disk) throws (1: Refused refused),
  void delete_disk(1: string host_id, 2: i64 fence, 3: string disk_id) throws (1: Refused refused),
  Guest attach_disk(1: string host_id, 2: i64 fence, 3: string vm_id, 4: string disk_id) throws (1: Refused refused),
  Guest detach_disk(1: string host_id, 2: i64 fence, 3: string vm_id, 4: string disk_id) throws (1: Refused refused),

  /** Brings an image to the host before it is needed; a host that has it answers at once. */
  void fetch_image(1: string host_id, 2: i64 fence, 3: string datastore_id, 4: ImageSource image) throws (1: Refused refused),
  /** Drops an image that no guest uses; IMAGE_IN_USE otherwise. */
  void delete_image(1: string host_id, 2: i64 fence, 3: string checksum) throws (1: Refused refused),
  /** Makes a stand-alone image of a stopped guest's boot disk, to be fetched from `url` once. */
  CapturedImage capture_image(1: string host_id, 2: i64 fence, 3: string vm_id, 4: string image_id) throws (1: Refused refused),
  void drop_capture(1: string host_id, 2: i64 fence, 3: string image_id) throws (1: Refused refused)
}
