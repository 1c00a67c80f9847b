package bolt

// bucket names one bucket of the file. Package store's documentation says what each holds.
type bucket string

// Records.
const (
	bMeta       bucket = "meta"
	bEvents     bucket = "events"
	bRaw        bucket = "raw"
	bStates     bucket = "state"
	bReplies    bucket = "replies"
	bUndecided  bucket = "undecided"
	bRejected   bucket = "rejected"
	bTx         bucket = "transmitters"
	bTxState    bucket = "transmitter_state"
	bSources    bucket = "sources"
	bSrcState   bucket = "source_state"
	bConnectors bucket = "connectors"
	bLeases     bucket = "leases"
	bCursors    bucket = "cursors"
	bAccounts   bucket = "accounts"
	bIdentities bucket = "identities"
	bAliases    bucket = "aliases"
	bRuns       bucket = "runs"
	bBegins     bucket = "begins"
	bUsers      bucket = "users"
	bSessions   bucket = "sessions"
	bTokens     bucket = "tokens"
	bThrottle   bucket = "throttle"
	bJobs       bucket = "jobs"
	bAudit      bucket = "audit"
	bSecrets    bucket = "secrets"
)

// Indexes and counts: all of them follow from the records, and Reindex makes them anew.
const (
	iKey      bucket = "ix_key"       // transmitter and jti of an event → number and digest
	iTx       bucket = "ix_tx"        // events by transmitter
	iType     bucket = "ix_type"      // events by type
	iSeverity bucket = "ix_severity"  // events by severity
	iOpen     bucket = "ix_open"      // open events
	iOpenSev  bucket = "ix_open_sev"  // open events by severity
	iClosed   bucket = "ix_closed"    // closed events
	iUncorr   bucket = "ix_uncorr"    // events that found nobody
	iWho      bucket = "ix_who"       // events by identity
	iReplyKey bucket = "ix_reply"     // replies by transmitter and token name
	iUndecRaw bucket = "ix_undecided" // undecided tokens by their bytes
	iRejRaw   bucket = "ix_rejected"  // rejected tokens by their bytes
	iAccWho   bucket = "ix_acc_who"   // listed accounts by identity
	iAccEmail bucket = "ix_acc_email" // listed accounts by e-mail key
	iAccID    bucket = "ix_acc_id"    // listed accounts by native id
	iIdName   bucket = "ix_id_name"   // identities by name
	iIdTerm   bucket = "ix_id_term"   // identities by search term
	iRunID    bucket = "ix_run_id"    // run id → number
	iRunEvent bucket = "ix_run_event" // runs by event
	iRunWho   bucket = "ix_run_who"   // runs by identity
	iRunState bucket = "ix_run_state" // runs by state
	iRunDue   bucket = "ix_run_due"   // runs that wait for the worker, by due time
	iUserName bucket = "ix_user_name" // users by folded name
	iSessHash bucket = "ix_sess_hash" // sessions by token hash
	iSessUser bucket = "ix_sess_user" // sessions by user
	iTokHash  bucket = "ix_tok_hash"  // API tokens by hash
	iTokOwner bucket = "ix_tok_owner" // API tokens by owner
	iThrottle bucket = "ix_throttle"  // throttled keys by last use
	bCounts   bucket = "ix_counts"    // counters by name
	bHours    bucket = "ix_hours"     // events per hour and severity
	bDays     bucket = "ix_days"      // accepted events per transmitter and day
)

// records lists the buckets that hold records, indexes those that are made from them.
func records() []bucket {
	return []bucket{
		bMeta, bEvents, bRaw, bStates, bReplies, bUndecided, bRejected, bTx, bTxState, bSources, bSrcState, bConnectors,
		bLeases, bCursors, bAccounts, bIdentities, bAliases, bRuns, bBegins, bUsers, bSessions, bTokens, bThrottle, bJobs,
		bAudit, bSecrets,
	}
}

func indexes() []bucket {
	return []bucket{
		iKey, iTx, iType, iSeverity, iOpen, iOpenSev, iClosed, iUncorr, iWho, iReplyKey, iUndecRaw, iRejRaw, iAccWho,
		iAccEmail, iAccID, iIdName, iIdTerm, iRunID, iRunEvent, iRunWho, iRunState, iRunDue, iUserName, iSessHash,
		iSessUser, iTokHash, iTokOwner, iThrottle, bCounts, bHours, bDays,
	}
}

// fill is the share of a page that is filled before it is split: nearly all where keys only grow.
func (b bucket) fill() float64 {
	switch b {
	case bEvents, bRaw, bStates, bRuns, bAudit, iOpen, iUncorr, iClosed, bHours:
		return 0.95
	}
	return 0.7
}
