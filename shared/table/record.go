package table

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Load reads one item and decodes its body. It returns the item's version, and fault.NotFound for what is not there.
func Load[T any](ctx context.Context, t Table, key Key) (T, int64, error) {
	var v T
	item, err := t.Get(ctx, key)
	if err != nil {
		return v, 0, err
	}
	v, err = Decode[T](item)
	return v, item.Version, err
}

// Decode reads an item's body.
func Decode[T any](item Item) (T, error) {
	var v T
	if err := json.Unmarshal(item.Body, &v); err != nil {
		return v, fault.Wrap(err, fault.Internal, "a stored record cannot be read")
	}
	return v, nil
}

// Save makes the write that stores v as JSON under key.
func Save(key Key, v any, need Need) (Write, error) { return SaveUntil(key, v, need, time.Time{}) }

// SaveUntil is Save for a record that expires.
func SaveUntil(key Key, v any, need Need, expires time.Time) (Write, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Write{}, fault.Wrap(err, fault.Internal, "a record cannot be written")
	}
	return Write{Op: Put, Need: need, Item: Item{Key: key, Body: body, Expires: expires}}, nil
}

// All walks every page of a query and calls visit with each item until it returns false.
func All(ctx context.Context, t Table, q Query, visit func(Item) bool) error {
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if !visit(item) {
				return nil
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}
