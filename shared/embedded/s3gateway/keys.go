package s3gateway

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// rootKey is what our own services sign with. It is made once per data folder.
type rootKey struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

func loadRoot(path string, random io.Reader) (rootKey, error) {
	var key rootKey
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &key)
		if err == nil && (key.AccessKeyID == "" || key.SecretAccessKey == "") {
			err = errors.New("credentials.json is incomplete")
		}
		return key, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key.AccessKeyID, err = accessKeyID("AKIA", random); err != nil {
		return key, err
	}
	if key.SecretAccessKey, err = secret(30, random); err != nil {
		return key, err
	}
	return key, writeSecret(path, key)
}

// accessKeyID has the form of AWS: AKIA for lasting keys, ASIA for temporary ones.
func accessKeyID(prefix string, random io.Reader) (string, error) {
	raw := make([]byte, 10)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", err
	}
	return prefix + base32.StdEncoding.EncodeToString(raw), nil
}

func secret(size int, random io.Reader) (string, error) {
	raw := make([]byte, size)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// writeSecret writes a file that only its owner reads, whole or not at all.
func writeSecret(path string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // has mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(raw)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
