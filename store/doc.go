// Package store holds what every engine of the store shares: the form of records and keys, cursors, the text of audit
// entries, and the sealing of secrets. The engines are in the folders below it: store/bolt is one file of bbolt. They
// satisfy the store interfaces of poller, correlate, respond and web, and pass the suite of store/storetest.
//
// # Form
//
// Numbers in keys are 8 bytes, big-endian, so that the order of keys is the order of numbers; times are nanoseconds in the
// same form; texts are escaped and terminated (Key). A value is an envelope of form, version and checksum (CRC-32C over
// bucket, key, form, version and body), then JSON or bytes (Encode). Values of indexes have no envelope: they are rebuilt.
//
// # Records of store/bolt
//
//	bucket             key                       value                    written by                  deleted by
//	meta               name                      format, guard clock, …   Open, Begin, …              –
//	events             Seq                       ssf.Event                Ingest, once                –
//	raw                Seq                       compact token, bytes     Ingest, once                –
//	state              Seq                       ssf.EventState           PutMatches, SetTriage, runs –
//	replies            transmitter, number       ack or error             Ingest, AckUndecided        Ingest (confirmed)
//	undecided          transmitter, number       ssf.UndecidedToken       Ingest, AckUndecided        Ingest (judged)
//	rejected           transmitter, number       ssf.RejectedToken        Ingest                      Ingest (beyond its bound)
//	transmitters       id                        spec and origin          ApplyConfig                 – (retired)
//	transmitter_state  id                        ssf.TransmitterState     Ingest, PutTransmitterState –
//	sources            id                        spec and origin          ApplyConfig                 – (retired)
//	source_state       id                        ssf.SourceState          ApplySync, PutSourceState   –
//	connectors         id                        spec and origin          ApplyConfig                 – (retired)
//	leases             name                      holder, epoch, end       Lease, Release              – (the epoch outlives)
//	cursors            consumer                  Seq                      PutMatches                  –
//	accounts           source, native id         ssf.Account              ApplySync                   – (marked removed)
//	identities         id                        ssf.Identity, terms      ApplySync                   –
//	aliases            id                        ssf.IdentityID           a merge                     –
//	runs               number                    ssf.Run, claim           CreateRuns and what follows –
//	begins             class, guard time, number who was acted on         Begin                       Begin (after an hour)
//	users              id                        ssf.User                 FirstAdmin, PutUser         –
//	sessions           handle                    ssf.Session              PutSession, …               DeleteSession, PutSession (old), PutUser
//	tokens             id                        ssf.APIToken             PutToken, TouchToken        DeleteToken
//	throttle           hash of the key           ssf.Throttle             PutThrottle                 PutThrottle
//	jobs               job, number               ssf.JobRun               PutJobRuns                  PutJobRuns (beyond 1,000)
//	audit              number                    ssf.AuditEntry           every change                –
//	secrets            id                        sealed bytes             PutSecret                   –
//
// # Indexes and counters of store/bolt
//
// Each follows from records alone. Writing, Check and Reindex take them from the same functions (facts).
//
//	ix_key         hash of transmitter and jti → Seq and digest; of a conflict, with its digest
//	ix_tx          transmitter, Seq            ix_type      type, Seq
//	ix_severity    severity, Seq               ix_open      Seq
//	ix_open_sev    severity, Seq               ix_closed    Seq
//	ix_uncorr      Seq                         ix_who       identity, Seq
//	ix_reply       hash of transmitter and token name → number
//	ix_undecided   hash of transmitter, name and bytes → number;  ix_rejected likewise
//	ix_acc_who     identity, source, native id (listed accounts only; so the next two)
//	ix_acc_email   e-mail key, source, native id
//	ix_acc_id      native id in lower case, source, native id
//	ix_id_name     name in lower case, identity
//	ix_id_term     search term, identity
//	ix_run_id      run id → number             ix_run_event Seq, number
//	ix_run_who     identity, number            ix_run_state state, number
//	ix_run_due     due time, number, for runs that wait for a worker
//	ix_user_name   folded name → id
//	ix_sess_hash   token hash → handle         ix_sess_user user, handle
//	ix_tok_hash    token hash → id             ix_tok_owner owner, id
//	ix_throttle    last use, hash of the key
//	ix_counts      name → number               ix_hours     hour, severity → number
//	ix_days        transmitter, day → number
package store
