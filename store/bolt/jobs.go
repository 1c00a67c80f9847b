package bolt

import (
	"bytes"
	"context"
	"slices"

	"harken/ssf"
	"harken/store"
)

// maxJobRuns is how many runs of each job are kept.
const maxJobRuns = 1000

func jobKey(id ssf.JobID, n uint64) []byte { return store.Key{}.Text(string(id)).Uint(n) }

// PutJobRuns appends to the jobs' histories.
func (db *DB) PutJobRuns(ctx context.Context, runs []ssf.JobRun) error {
	if len(runs) == 0 {
		return nil
	}
	return db.mutate(ctx, ssf.System("jobs"), func(m *mutation) error {
		m.bookkeeping()
		jobs := map[ssf.JobID]bool{}
		for _, r := range runs {
			n, err := m.next(bJobs)
			if err != nil {
				return err
			}
			if err := put(m, bJobs, jobKey(r.Job, n), r); err != nil {
				return err
			}
			m.counts[countKey{bCounts, "jobs/" + string(r.Job)}]++
			jobs[r.Job] = true
		}
		m.fire(ssf.TopicJobs, "")
		for id := range jobs {
			if err := m.trimJob(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// trimJob drops the oldest runs of a job beyond those that are kept.
func (m *mutation) trimJob(id ssf.JobID) error {
	c := countKey{bCounts, "jobs/" + string(id)}
	prefix := store.Key{}.Text(string(id))
	for m.pending(c) > maxJobRuns {
		k, _ := m.bucket(bJobs).Cursor().Seek(prefix)
		if !bytes.HasPrefix(k, prefix) {
			return nil
		}
		if err := m.del(bJobs, bytes.Clone(k)); err != nil {
			return err
		}
		m.counts[c]--
	}
	return nil
}

// JobRuns returns the last n runs of a job, oldest first.
func (db *DB) JobRuns(ctx context.Context, id ssf.JobID, n int) (out []ssf.JobRun, err error) {
	err = db.view(ctx, func(v *view) error {
		w := newWalk(v, filter{{bJobs, store.Key{}.Text(string(id))}}, ^uint64(0))
		for len(out) < n {
			number, value, ok := w.next()
			if !ok {
				break
			}
			var r ssf.JobRun
			if err := store.Decode(string(bJobs), jobKey(id, number), value, &r); err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	slices.Reverse(out)
	return out, err
}
