package identity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"

	"github.com/orcray/orcray/shared/identity"
)

// signed edits the header and signs with the issuer's own key: the signature is good, only the header lies.
func signed(edits object) attack {
	return func(f *forge) string { return f.mint(f.header(edits), f.claims(nil)) }
}

func headerAttacks() map[string]attack {
	jwk := object{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	all := map[string]attack{
		"alg missing":     signed(object{"alg": absent{}}),
		"alg null":        signed(object{"alg": nil}),
		"alg an array":    signed(object{"alg": []string{"EdDSA", "ES256", "RS256"}}),
		"alg empty":       signed(object{"alg": ""}),
		"alg unknown":     signed(object{"alg": "XX256"}),
		"typ of an id":    signed(object{"typ": "id+jwt"}),
		"typ a number":    signed(object{"typ": 1}),
		"jku":             signed(object{"jku": "https://evil.example/jwks.json"}),
		"x5u":             signed(object{"x5u": "https://evil.example/chain.pem"}),
		"x5c":             signed(object{"x5c": []string{"MIIB"}}),
		"jwk":             signed(object{"jwk": jwk}),
		"crit":            signed(object{"crit": []string{"exp"}, "exp": 1}),
		"crit empty":      signed(object{"crit": []string{}}),
		"b64 false":       signed(object{"b64": false, "crit": []string{"b64"}}),
		"zip":             signed(object{"zip": "DEF"}),
		"cty nested":      signed(object{"cty": "JWT"}),
		"enc":             signed(object{"enc": "A256GCM"}),
		"unknown member":  signed(object{"x-trust-me": true}),
		"kid missing":     signed(object{"kid": absent{}}),
		"kid null":        signed(object{"kid": nil}),
		"kid empty":       signed(object{"kid": ""}),
		"kid an array":    signed(object{"kid": []string{keyID}}),
		"kid an object":   signed(object{"kid": object{"$ne": ""}}),
		"kid a number":    signed(object{"kid": 1}),
		"kid a path":      signed(object{"kid": "../../../../dev/null"}),
		"kid a file":      signed(object{"kid": "file:///etc/hostname"}),
		"kid SQL":         signed(object{"kid": "x' UNION SELECT 'key' --"}),
		"kid a command":   signed(object{"kid": "|id"}),
		"kid a URL":       signed(object{"kid": "https://evil.example/key"}),
		"kid with a NUL":  signed(object{"kid": keyID + "\x00"}),
		"kid upper case":  signed(object{"kid": "KEY-1"}),
		"kid of nobody":   signed(object{"kid": "key-2"}),
		"kid with blanks": signed(object{"kid": " " + keyID + " "}),
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE"} {
		all["alg "+none+" and no signature"] = func(f *forge) string {
			return encode(f.header(object{"alg": none})) + "." + encode(f.claims(nil)) + "."
		}
		all["alg "+none+" and a signature"] = signed(object{"alg": none})
	}
	for _, other := range []string{"HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "ES384", "ES512", "ES256K", "Ed25519", "eddsa"} {
		all["alg renamed "+other] = signed(object{"alg": other})
	}
	return all
}

// keyAttacks are signed well, but not by the issuer's key for the pinned algorithm.
func keyAttacks() map[string]attack {
	return map[string]attack{
		"a stranger's key": func(f *forge) string { return f.mintWith(f.stranger, f.header(nil), f.claims(nil)) },
		"a stranger's key under its own jwk": func(f *forge) string {
			return f.mintWith(f.stranger, f.header(object{"jwk": object{"kty": "OKP"}}), f.claims(nil))
		},
		"another key of the set with its own alg": func(f *forge) string {
			for name, guest := range f.guests {
				return f.mintWith(guest, f.header(object{"alg": name, "kid": name}), f.claims(nil))
			}
			return ""
		},
		"another key of the set under the pinned alg": func(f *forge) string {
			for name, guest := range f.guests {
				return f.mintWith(guest, f.header(object{"kid": name}), f.claims(nil))
			}
			return ""
		},
		"a P-384 key": func(f *forge) string {
			key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				panic(err)
			}
			input := encode(f.header(nil)) + "." + encode(f.claims(nil))
			digest := sha256.Sum256([]byte(input))
			signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
			if err != nil {
				panic(err)
			}
			return input + "." + encode(string(signature))
		},
	}
}

// secretAttacks take each spelling of the public key for an HMAC secret.
func secretAttacks() map[string]attack {
	spellings := map[string]func(crypto.PublicKey) []byte{
		"DER": der,
		"PEM": func(key crypto.PublicKey) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der(key)})
		},
		"raw": func(key crypto.PublicKey) []byte {
			if raw, ok := key.(ed25519.PublicKey); ok {
				return raw
			}
			return der(key)[24:]
		},
		"empty": func(crypto.PublicKey) []byte { return nil },
		"kid":   func(crypto.PublicKey) []byte { return []byte(keyID) },
	}
	all := map[string]attack{}
	for name, spell := range spellings {
		for label, edits := range map[string]object{"declared": {"alg": "HS256"}, "undeclared": nil} {
			all["HS256 with the public key, "+name+", "+label] = func(f *forge) string {
				input := encode(f.header(edits)) + "." + encode(f.claims(nil))
				mac := hmac.New(sha256.New, spell(f.key.Public()))
				mac.Write([]byte(input))
				return input + "." + encode(string(mac.Sum(nil)))
			}
		}
	}
	return all
}

func der(key crypto.PublicKey) []byte {
	text, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return text
}

func signatureAttacks() map[string]attack {
	resigned := func(change func([]byte) []byte) attack {
		return func(f *forge) string { return f.withSignature(change) }
	}
	return map[string]attack{
		"signature empty":          resigned(func([]byte) []byte { return nil }),
		"signature truncated":      resigned(func(s []byte) []byte { return s[:len(s)-1] }),
		"signature halved":         resigned(func(s []byte) []byte { return s[:len(s)/2] }),
		"signature extended":       resigned(func(s []byte) []byte { return append(s, 0) }),
		"signature twice":          resigned(func(s []byte) []byte { return append(s, s...) }),
		"signature with zeros":     resigned(func(s []byte) []byte { return append([]byte{0}, s...) }),
		"signature of zeros":       resigned(func(s []byte) []byte { return make([]byte, len(s)) }),
		"signature of ones":        resigned(func(s []byte) []byte { return slices.Repeat([]byte{0xff}, len(s)) }),
		"signature, first bit":     resigned(func(s []byte) []byte { s[0] ^= 0x80; return s }),
		"signature, last bit":      resigned(func(s []byte) []byte { s[len(s)-1] ^= 1; return s }),
		"signature halves swap":    resigned(func(s []byte) []byte { return append(s[len(s)/2:len(s):len(s)], s[:len(s)/2]...) }),
		"signature of claims":      func(f *forge) string { i, _ := f.parts(); return i + "." + encode(string(sign(f.key, f.claims(nil)))) },
		"signature as DER":         derSignature,
		"signature plus the order": plusOrder,
		"signature as PSS":         pssSignature,
		"claims changed after": func(f *forge) string {
			_, signature := f.parts()
			return encode(f.header(nil)) + "." + encode(f.claims(object{"sub": "somebody-else"})) + "." + encode(string(signature))
		},
		"header changed after": func(f *forge) string {
			_, signature := f.parts()
			return encode(f.header(object{"kid": keyID, "typ": "at+jwt"})+" ") + "." + encode(f.claims(nil)) + "." + encode(string(signature))
		},
	}
}

func derSignature(f *forge) string {
	if f.trust.Algorithm != identity.ES256 {
		return ""
	}
	return f.withSignature(func(s []byte) []byte {
		text, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])})
		if err != nil {
			panic(err)
		}
		return text
	})
}

// plusOrder adds the order of Ed25519's group to s: the same signature to a verifier that does not reduce.
func plusOrder(f *forge) string {
	if f.trust.Algorithm != identity.EdDSA {
		return ""
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	return f.withSignature(func(s []byte) []byte {
		scalar := slices.Clone(s[32:])
		slices.Reverse(scalar)
		sum := new(big.Int).Add(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
		slices.Reverse(sum)
		return append(s[:32:32], sum...)
	})
}

func pssSignature(f *forge) string {
	key, ok := f.key.(*rsa.PrivateKey)
	if !ok {
		return ""
	}
	input, _ := f.parts()
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], nil)
	if err != nil {
		panic(err)
	}
	return input + "." + encode(string(signature))
}
