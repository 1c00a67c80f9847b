package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"harken/ssf"
	"harken/store/bolt"
	"harken/store/storetest"
)

// BenchmarkIngest commits batches of 4,000 events with syncs, each with its acks dropped by the next one.
func BenchmarkIngest(b *testing.B) {
	db, err := bolt.Open(bolt.Config{Dir: filepath.Join(b.TempDir(), "data"), MinFree: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const size = 4000
	var confirmed ssf.Replies
	n := 0
	for b.Loop() {
		b.StopTimer()
		batch := ssf.IngestBatch{Transmitter: "a", Confirmed: confirmed}
		confirmed = ssf.Replies{}
		for range size {
			n++
			set := storetest.SET("a", fmt.Sprintf("%08x-%d", n*2654435761, n))
			batch.Deliveries = append(batch.Deliveries, storetest.Accepted(set))
			confirmed.Acks = append(confirmed.Acks, set.Claims().JTI)
		}
		b.StartTimer()
		if _, err := db.Ingest(context.Background(), ssf.System("poller"), []ssf.IngestBatch{batch}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "SET/s")
}
