// Package store holds what every engine of the store shares: the form of records and keys, cursors, the text of audit
// entries, and the sealing of secrets. The engines are in the folders below it: store/bolt is one file of bbolt.
package store
