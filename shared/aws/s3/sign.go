package s3

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

// maxTTL is how long a signature of S3 can last.
const maxTTL = 7 * 24 * time.Hour

// maxFilename is the length of a download's name in bytes; longer ones are cut.
const maxFilename = 200

// SignPut implements object.Signer. An empty object cannot be signed for: S3 does not bind a length of zero. The condition is
// signed with the rest: what was checked once cannot be exchanged with the same address.
func (s *Store) SignPut(ctx context.Context, key, contentType string, size int64, ttl time.Duration) (object.SignedRequest, error) {
	if err := checkSigning(key, ttl); err != nil {
		return object.SignedRequest{}, err
	}
	if size < 1 {
		return object.SignedRequest{}, fault.New(fault.Invalid, "An empty file cannot be uploaded.")
	}
	if size > MaxPut {
		return object.SignedRequest{}, fault.New(fault.TooLarge, "A file has at most %d bytes.", int64(MaxPut))
	}
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return object.SignedRequest{}, fault.Wrap(err, fault.Invalid, "The content type is not one.")
	}
	begin := s.now()
	signed, err := s.signer.PresignPutObject(ctx, &awss3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ContentType: &contentType, ContentLength: &size, IfNoneMatch: aws.String("*"),
	}, awss3.WithPresignExpires(ttl))
	return request(signed, begin.Add(ttl), err)
}

// SignGet implements object.Signer.
func (s *Store) SignGet(ctx context.Context, key, filename string, ttl time.Duration) (object.SignedRequest, error) {
	if err := checkSigning(key, ttl); err != nil {
		return object.SignedRequest{}, err
	}
	begin := s.now()
	signed, err := s.signer.PresignGetObject(ctx, &awss3.GetObjectInput{
		Bucket: &s.bucket, Key: &key, ResponseContentDisposition: aws.String(attachment(filename)),
	}, awss3.WithPresignExpires(ttl))
	return request(signed, begin.Add(ttl), err)
}

func checkSigning(key string, ttl time.Duration) error {
	if ttl < time.Second || ttl > maxTTL {
		return fault.New(fault.Invalid, "A signed request lasts between a second and seven days.")
	}
	return checkKey(key)
}

func request(signed *v4.PresignedHTTPRequest, expires time.Time, err error) (object.SignedRequest, error) {
	if err != nil {
		return object.SignedRequest{}, failed(err)
	}
	header := signed.SignedHeader.Clone()
	header.Del("Host") // is in the URL
	return object.SignedRequest{Method: signed.Method, URL: signed.URL, Header: header, Expires: expires}, nil
}

// attachment is a Content-Disposition for a name that a person chose: plain ASCII for old clients, and the true name
// percent-encoded (RFC 6266, RFC 8187). Nothing of the name can end the parameter or the header.
func attachment(filename string) string {
	name := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == '/' || r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '_'
		}
		return r
	}, filename)
	for len(name) > maxFilename {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	if strings.Trim(name, ". ") == "" {
		name = "download"
	}
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || strings.ContainsRune(`"%;`, r) {
			return '_'
		}
		return r
	}, name)
	encoded := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + encoded
}

// clockedSigner signs at the time of the injected clock.
type clockedSigner struct {
	signer *v4.Signer
	now    func() time.Time
}

// newClockedSigner signs as S3 wants it: the path is escaped once.
func newClockedSigner(now func() time.Time) *clockedSigner {
	return &clockedSigner{now: now, signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })}
}

func (c *clockedSigner) PresignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time,
	options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return c.signer.PresignHTTP(ctx, credentials, r, payloadHash, service, region, c.now().UTC(), options...)
}
