// Package bedrock is the client of models on Amazon Bedrock, by the Converse API.
package bedrock

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
)

// Options of a client. Zero values mean the default.
type Options struct {
	Patience codegen.Patience
	Connect  time.Duration // until a connection stands; 10 s
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Endpoint string // instead of the region's own
}

// Client implements codegen.Model.
type Client struct {
	sdk         *bedrockruntime.Client
	credentials aws.CredentialsProvider
	region      string
	patience    codegen.Patience
}

var _ codegen.Model = (*Client)(nil)

// New makes a client with the region and credentials of config. The SDK asks once: codegen.Retrying is what asks again,
// so that no layer multiplies another's tries.
func New(config aws.Config, options Options) *Client {
	if options.Connect <= 0 {
		options.Connect = 10 * time.Second
	}
	if options.Dial == nil {
		options.Dial = (&net.Dialer{}).DialContext
	}
	transport := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = options.dial
		t.TLSHandshakeTimeout = options.Connect
	})
	sdk := bedrockruntime.NewFromConfig(config, func(o *bedrockruntime.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = detached{transport}
		if options.Endpoint != "" {
			o.BaseEndpoint = aws.String(options.Endpoint)
		}
	})
	return &Client{sdk: sdk, credentials: config.Credentials, region: config.Region, patience: options.Patience}
}

// detached sends a copy of the request's body. The SDK closes its own as soon as the answer's head is here; when the server
// is that quick, net/http may not have seen the end of the body yet, takes the close for a failed write, and tears down the
// connection under the answer.
type detached struct{ next aws.HTTPClient }

func (d detached) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return d.next.Do(r)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.ContentLength = int64(len(data))
	return d.next.Do(r)
}

func (o Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, o.Connect)
	defer cancel()
	conn, err := o.Dial(bounded, network, address)
	if err != nil && errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fault.Wrap(err, fault.Timeout, "Amazon Bedrock does not take a connection. Try again in a moment.")
	}
	return conn, err
}

// Generate implements codegen.Model: ConverseStream, and Converse for models that do not stream.
func (c *Client) Generate(ctx context.Context, req codegen.Request, emit func(string)) (codegen.Reply, error) {
	if err := req.Check(); err != nil {
		return codegen.Reply{}, err
	}
	call := c.patience.Start(ctx, emit)
	call.Reply.Model = req.Model
	err := c.stream(call, req)
	if doesNotStream(err) {
		err = c.document(call, req)
	}
	reply, err := call.End(translate(err, req.Model))
	if err == nil && garbled(req, reply.Text) {
		return codegen.Reply{}, codegen.NewReplyError(codegen.ReplyNotPython)
	}
	return reply, err
}

// garbled finds the mark that the SDK's decoder leaves where bytes were not UTF-8, unless the question itself brought it.
func garbled(req codegen.Request, text string) bool {
	asked := req.Prompt.User
	return strings.ContainsRune(text, utf8.RuneError) && !strings.Contains(asked, `\ufffd`) && !strings.ContainsRune(asked, utf8.RuneError)
}

func (c *Client) stream(call *codegen.Call, req codegen.Request) error {
	out, err := c.sdk.ConverseStream(call.Context(), &bedrockruntime.ConverseStreamInput{
		ModelId: aws.String(req.Model), System: system(req), Messages: messages(req), InferenceConfig: limits(req),
	})
	if err != nil {
		return err
	}
	events := out.GetStream()
	defer events.Close()
	ended := false
	for {
		select {
		case <-call.Context().Done():
			return call.Context().Err()
		case event, more := <-events.Events():
			switch {
			case !more && ended:
				return nil
			case !more:
				return errors.Join(errors.New("the stream closed before its end"), events.Err())
			}
			done, err := take(call, event)
			if err != nil {
				return err
			}
			ended = ended || done
		}
	}
}

// take reads one event; done is true for the one that ends the text. Usage comes after it.
func take(call *codegen.Call, event types.ConverseStreamOutput) (done bool, err error) {
	switch e := event.(type) {
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		switch d := e.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			return false, call.Add(d.Value)
		case *types.ContentBlockDeltaMemberReasoningContent:
			call.Alive()
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		call.Reply.Stop = stop(e.Value.StopReason)
		return true, nil
	case *types.ConverseStreamOutputMemberMetadata:
		call.Reply.Usage = usage(e.Value.Usage)
	}
	return false, nil
}

func (c *Client) document(call *codegen.Call, req codegen.Request) error {
	out, err := c.sdk.Converse(call.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(req.Model), System: system(req), Messages: messages(req), InferenceConfig: limits(req),
	})
	if err != nil {
		return err
	}
	call.Reply.Stop, call.Reply.Usage = stop(out.StopReason), usage(out.Usage)
	message, ok := out.Output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return nil
	}
	for _, block := range message.Value.Content {
		if text, ok := block.(*types.ContentBlockMemberText); ok {
			if err := call.Add(text.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func system(req codegen.Request) []types.SystemContentBlock {
	if req.Prompt.System == "" {
		return nil
	}
	return []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: req.Prompt.System}}
}

func messages(req codegen.Request) []types.Message {
	return []types.Message{{
		Role:    types.ConversationRoleUser,
		Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: req.Prompt.User}},
	}}
}

// limits always bounds the reply; the temperature is the model's own, because newer models refuse one.
func limits(req codegen.Request) *types.InferenceConfiguration {
	return &types.InferenceConfiguration{MaxTokens: aws.Int32(int32(min(req.MaxTokens, 1<<20)))}
}

func usage(u *types.TokenUsage) codegen.Usage {
	if u == nil {
		return codegen.Usage{}
	}
	return codegen.Usage{InputTokens: int(aws.ToInt32(u.InputTokens)), OutputTokens: int(aws.ToInt32(u.OutputTokens))}
}

// stop maps the end of a reply; what is not known is never Done.
func stop(reason types.StopReason) codegen.StopReason {
	switch reason {
	case types.StopReasonEndTurn, types.StopReasonStopSequence:
		return codegen.Done
	case types.StopReasonGuardrailIntervened, types.StopReasonContentFiltered, "refusal":
		return codegen.Declined
	}
	return codegen.Truncated
}
