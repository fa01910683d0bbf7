// Package offline is the embedded model: it reads questions of a stated grammar (docs/questions.md) against the columns of
// the selected sources and writes plain Ray Data programs. It uses no network. It accounts for every word of a question or
// refuses, and says why; it never guesses.
package offline

import (
	"context"
	"strings"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
)

// Name is how replies name this model.
const Name = "offline"

// maxQuestion bounds the bytes of a question that is read at all.
const maxQuestion = 2000

const abilities = "I can count rows, give totals, averages, medians, lowest and highest values by one or more columns or by day, week, month, quarter or year, filter, rank (“top 5 …”), list rows and different values, give shares in percent, histograms, correlations and missing values, and draw charts of them. For any other question connect a language model (setting ORCRAY_MODEL: an OpenAI-compatible server or Amazon Bedrock)."

// Model implements codegen.Model.
type Model struct{}

// New gives the embedded model. It has no state and may be used from several goroutines.
func New() *Model { return &Model{} }

// Generate reads the question and writes its program. It is deterministic. Errors: fault.Unprocessable, with a message that
// says what was not understood, if the question is outside the grammar, if it could mean two things, or if the program for
// it already failed and there is no other.
func (*Model) Generate(ctx context.Context, req codegen.Request, emit func(piece string)) (codegen.Reply, error) {
	if err := ctx.Err(); err != nil {
		return codegen.Reply{}, fault.Wrap(err, fault.Timeout, "The request ended before the question was read.")
	}
	p, err := read(req.Question, req.Sources)
	if err != nil {
		return codegen.Reply{}, err
	}
	w := newWriter(req.Question, p)
	if req.Previous != nil {
		if !w.repair(req.Previous) {
			return codegen.Reply{}, fault.New(fault.Unprocessable, "The program for this question failed, and the embedded model has only one way to write it. %s", abilities)
		}
	}
	text := "```python\n" + w.program() + "```"
	for _, line := range strings.SplitAfter(text, "\n") {
		if ctx.Err() != nil {
			return codegen.Reply{Stop: codegen.Truncated, Model: Name}, nil
		}
		emit(line)
	}
	return codegen.Reply{Text: text, Stop: codegen.Done, Model: Name}, nil
}

// read gives the meaning of a question, or the refusal.
func read(question string, sources []source.Source) (plan, error) {
	s := newSchema(sources)
	if len(s.tables) == 0 {
		return plan{}, fault.New(fault.Unprocessable, "Select a file first: the embedded model reads questions against its columns.")
	}
	question = strings.ToValidUTF8(question, "\ufffd")
	if len(question) > maxQuestion {
		return plan{}, fault.New(fault.Unprocessable, "The question is too long for the embedded model. Ask one thing in one sentence. %s", abilities)
	}
	p := &parser{question: question, toks: s.withoutNameSigns(question, lex(question)), schema: s}
	if p.parse() {
		return p.plan, nil
	}
	return plan{}, fault.New(fault.Unprocessable, "%s %s", p.reason(), abilities)
}

// reason says what was not understood.
func (p *parser) reason() string {
	if len(p.toks) == 0 {
		return "The question is empty."
	}
	if i := p.unknown(); i >= 0 && !p.aboutValue {
		return "I do not know what " + display(p.toks[i].text) + " refers to: it is no column, no value I saw and no word of my grammar. The columns are " + p.columnNames() + "."
	}
	if p.refusal != "" {
		return p.refusal
	}
	if p.furthest < len(p.toks) {
		return "I do not understand " + display(p.toks[p.furthest].text) + " at this place of the question."
	}
	return "I do not understand how the words of this question belong together."
}

// unknown finds the first word that means nothing to the grammar and in the data.
func (p *parser) unknown() int {
	known := vocabulary()
	for i, t := range p.toks {
		if t.kind != word || known[t.norm] || known[stem(t.norm)] || numberWords[t.norm] > 0 || dayLike(t.norm) {
			continue
		}
		if !p.partOfName(i) {
			return i
		}
	}
	return -1
}

func dayLike(w string) bool { return len(w) <= 5 && w[0] >= '0' && w[0] <= '9' }

// partOfName reports whether the token belongs to a run of words that is a name or a value.
func (p *parser) partOfName(i int) bool {
	defer func(pos int) { p.pos = pos }(p.pos)
	for from := max(0, i-p.schema.longest); from <= i; from++ {
		p.pos = from
		for n := i - from + 1; n <= min(p.schema.longest+4, len(p.toks)-from); n++ {
			words := p.span(n)
			if words == nil {
				continue
			}
			if found, _ := p.schema.named(words); len(found) > 0 || len(p.hits(n)) > 0 {
				return true
			}
			for _, t := range p.schema.tables {
				if t.nouns[stems(words)] {
					return true
				}
			}
		}
	}
	return false
}

func (p *parser) columnNames() string {
	var names []string
	for _, t := range p.schema.tables {
		for _, c := range t.columns {
			if len(names) == 20 {
				return strings.Join(names, ", ") + ", …"
			}
			names = append(names, display(c.Name))
		}
	}
	return strings.Join(names, ", ")
}
