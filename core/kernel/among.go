package kernel

import (
	"gocluster/core/arena"
	"gocluster/core/parallel"
)

// Among is Against for rows of the pack itself: it adds to out (len(rows) × width) the
// sums over the columns cols that the segments name by their positions. Of the kernel
// only the packed rows are used, so that Linear values are those of the centred rows.
func (p *Pack) Among(ctl *parallel.Control, rows, cols []int32, segments []Segment, width int, out []float64) error {
	if p.Kind == Linear {
		return p.linearAmong(ctl, rows, cols, segments, width, out)
	}
	if g := p.stored(); g != nil {
		return g.among(ctl, rows, cols, segments, width, out)
	}
	if p.wide != nil {
		return among(ctl, p, p.wide, rows, cols, segments, width, out)
	}
	return among(ctl, p, p.narrow, rows, cols, segments, width, out)
}

func among[T float](ctl *parallel.Control, p *Pack, st *store[T], rows, cols []int32, segments []Segment, width int, out []float64) error {
	s := arena.NewScope()
	defer s.Release()
	packed := make([]groups[T], len(segments))
	for k, seg := range segments {
		var err error
		if packed[k], err = newGroups(s, st, seg.Last-seg.First); err != nil {
			return err
		}
		packed[k].idx = cols[seg.First:seg.Last]
		packed[k].pack(st, cols[seg.First:seg.Last], 0, roundUp(seg.Last-seg.First, group)/group)
		if len(seg.Weights) == 1 {
			packed[k].weigh(seg.Weights[0])
		}
	}
	atOnce := st.queryRows()
	chunks := (len(rows) + atOnce - 1) / atOnce
	free := make(chan *queryRoom[T], max(1, min(chunks, parallel.Budget())))
	for range cap(free) {
		room, err := newQueryRoom(s, st, nil)
		if err != nil {
			return err
		}
		free <- room
	}
	return parallel.Share(ctl, chunks, len(rows)*len(cols)*p.cost(), func(chunk int) {
		room := <-free
		defer func() { free <- room }()
		first := chunk * atOnce
		some := rows[first:min(len(rows), first+atOnce)]
		room.idx = some
		room.pack(st, some, 0, roundUp(len(some), st.lanes)/st.lanes)
		for k, seg := range segments {
			room.sums(st, packed[k], seg, len(some), width, out[first*width:])
		}
	})
}

func (p *Pack) linearAmong(ctl *parallel.Control, rows, cols []int32, segments []Segment, width int, out []float64) error {
	w := make([][]float64, width)
	for _, seg := range segments {
		for s, weights := range seg.Weights {
			of := &w[seg.Out[s]]
			if *of == nil {
				*of = make([]float64, p.Cols)
			}
			for j, v := range weights {
				if v != 0 {
					p.axpyRow(v, int(cols[seg.First+j]), *of)
				}
			}
		}
	}
	return parallel.Share(ctl, (len(rows)+queryRows-1)/queryRows, len(rows)*width*p.cost(), func(chunk int) {
		for k := chunk * queryRows; k < min(len(rows), (chunk+1)*queryRows); k++ {
			for o, v := range w {
				if v != nil {
					out[k*width+o] += p.dotRow(int(rows[k]), v)
				}
			}
		}
	})
}
