package search

import (
	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/svm"
)

// decisionNoise is the rounding that decision values may carry before they are formed
// in float64.
const decisionNoise = 1e-4

// decide predicts the test rows for one step of a chain from the solutions of its
// pairs, whose kernel values it computes once for all pairs that share them.
func (s *search) decide(w *work, pack *kernel.Pack, step int) error {
	test := s.test(w)
	if len(test) == 0 || s.out.Predicted == nil && s.out.Decision == nil && s.out.Probability == nil {
		return nil
	}
	scope := arena.NewScope()
	defer scope.Release()
	width := len(w.pairs)
	values, err := arena.Make[float64](scope, len(test)*width)
	if err != nil {
		return err
	}
	for k := range values {
		values[k] = w.pairs[k%width].found[step].intercept
	}
	var support []int32
	var segments []kernel.Segment
	for class, rows := range s.members[w.Split] {
		position := make([]int32, len(rows)) // among the support vectors, from 1 on
		seg := kernel.Segment{First: len(support)}
		for o, p := range w.pairs {
			if p.i != class && p.j != class {
				continue
			}
			f := &p.found[step]
			row := func(at int32) int32 { return p.row(s.members[w.Split], at) }
			if f.noise(pack, row) > decisionNoise {
				if p.i == class {
					if err := s.decideExactly(pack, f, row, test, values[o:], width); err != nil {
						return err
					}
				}
				continue
			}
			seg.Out = append(seg.Out, o)
			for _, at := range f.at {
				if k, ok := p.member(s.members[w.Split], class, at); ok && position[k] == 0 {
					support = append(support, rows[k])
					position[k] = int32(len(support) - seg.First)
				}
			}
		}
		seg.Last = len(support)
		if seg.Last == seg.First {
			continue
		}
		for _, o := range seg.Out {
			p, weights := &w.pairs[o], make([]float64, seg.Last-seg.First)
			f := &p.found[step]
			for n, at := range f.at {
				if k, ok := p.member(s.members[w.Split], class, at); ok {
					weights[position[k]-1] = f.beta[n]
				}
			}
			seg.Weights = append(seg.Weights, weights)
		}
		segments = append(segments, seg)
	}
	if err := pack.Among(s.ctl, test, support, segments, width, values); err != nil {
		return err
	}
	s.put(w, step, values)
	if w.Probability && s.out.Probability != nil {
		return s.couple(w, step, values)
	}
	return nil
}

// decideExactly adds the sums of one pair in float64.
func (s *search) decideExactly(pack *kernel.Pack, f *found, row func(int32) int32, test []int32, values []float64, width int) error {
	support := make([]int32, len(f.at))
	for k, at := range f.at {
		support[k] = row(at)
	}
	sums := make([]float64, len(test))
	if err := pack.Exact(s.ctl, test, support, f.beta, sums); err != nil {
		return err
	}
	for r, v := range sums {
		values[r*width] += v
	}
	return nil
}

// put hands out the decision values (test rows × pairs of the split) of one step, and
// the class that wins most pairs, the lowest of equals.
func (s *search) put(w *work, step int, values []float64) {
	width := len(w.pairs)
	votes := make([]int, s.Classes)
	all := s.Classes * (s.Classes - 1) / 2
	for r := range s.test(w) {
		clear(votes)
		best := 0
		for o, v := range values[r*width:][:width] {
			p := &w.pairs[o]
			winner := p.j
			if v > 0 {
				winner = p.i
			}
			votes[winner]++
			for _, f := range w.steps[step] {
				if s.out.Decision != nil {
					s.out.Decision[(s.offsets[f]+r)*all+s.pairIndex(p.i, p.j)] = v
				}
			}
		}
		for c, v := range votes {
			if v > votes[best] {
				best = c
			}
		}
		for _, f := range w.steps[step] {
			if s.out.Predicted != nil {
				s.out.Predicted[s.offsets[f]+r] = int32(best)
			}
		}
	}
}

// couple hands out the probabilities of the classes for one step.
func (s *search) couple(w *work, step int, values []float64) error {
	var classes []int
	for c, rows := range s.members[w.Split] {
		if len(rows) > 0 {
			classes = append(classes, c)
		}
	}
	width := len(w.pairs)
	model := svm.Model{Classes: len(classes), ProbA: make([]float64, width), ProbB: make([]float64, width)}
	for o := range w.pairs {
		model.ProbA[o], model.ProbB[o] = w.pairs[o].found[step].a, w.pairs[o].found[step].b
	}
	rows := len(s.test(w))
	out := make([]float64, rows*len(classes))
	if err := model.Couple(s.ctl, rows, values, out); err != nil {
		return err
	}
	for _, f := range w.steps[step] {
		for r := range rows {
			of := s.out.Probability[(s.offsets[f]+r)*s.Classes:][:s.Classes]
			clear(of)
			for k, c := range classes {
				of[c] = out[r*len(classes)+k]
			}
		}
	}
	return nil
}

// pairIndex is the position of classes i < j among all pairs.
func (s *search) pairIndex(i, j int) int { return i*(2*s.Classes-i-1)/2 + j - i - 1 }
