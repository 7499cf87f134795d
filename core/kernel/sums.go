package kernel

import (
	"runtime"

	"gocluster/core/arena"
	"gocluster/core/parallel"
)

// scratch is one thread's room for gathering rows that are used once: large
// enough to feed the tiles, small enough for the second-level cache.
type scratch struct {
	rows *Rows
	f    []float64
}

// scratchRows is the number of rows that pass through a scratch at a time.
func (p *Pack) scratchRows() int {
	if p.sparse != nil {
		return spanRows(p.sparse.common + group)
	}
	return max(32, min(512, 65536/max(p.Cols, 1)/32*32))
}

// makeScratch makes one scratch for every thread that could ask for one; a
// thread past that number waits for its turn.
func (p *Pack) makeScratch(s *arena.Scope) error {
	count := max(1, min(parallel.Budget(), runtime.GOMAXPROCS(0)))
	p.free = make(chan *scratch, count)
	for range count {
		rows, err := p.newRows(s, p.scratchRows(), p.scratchRows())
		if err != nil {
			return err
		}
		p.free <- &scratch{rows: rows, f: make([]float64, p.scratchRows())}
	}
	return nil
}

// Sums sets out[k] = Σ_j K(idx[k], column j)·delta[j] for rows that need not be
// kept: they are gathered a cacheful at a time.
func Sums(ctl *parallel.Control, idx []int32, c *Cols, delta, out []float64) error {
	p := c.pack
	if g := p.stored(); g != nil {
		clear(out[:len(idx)])
		return g.sums(ctl, idx, c.idx, delta, out)
	}
	c.weigh(ctl, delta)
	step := p.scratchRows()
	return parallel.Share(ctl, (len(idx)+step-1)/step, len(idx)*(len(c.idx)+1)*p.cost(), func(chunk int) {
		first := chunk * step
		rows := idx[first:min(len(idx), first+step)]
		if p.Kind == Linear {
			for k, i := range rows {
				out[first+k] = p.dotRow(int(i), c.sum)
			}
			return
		}
		s := <-p.free
		defer func() { p.free <- s }()
		clear(s.f)
		s.rows.Gather(rows)
		n := s.rows.panels()
		if p.wide != nil {
			s.rows.wide.pack(p.wide, rows, 0, n)
			sums(p.wide, &s.rows.wide, c.wide, len(c.idx), 0, n, s.f)
		} else {
			s.rows.narrow.pack(p.narrow, rows, 0, n)
			sums(p.narrow, &s.rows.narrow, c.narrow, len(c.idx), 0, n, s.f)
		}
		copy(out[first:], s.f[:len(rows)])
	})
}
