package main

import (
	"crypto/sha256"
	"os"
	"time"
)

func deep(n int) int {
	var room [64]int
	if n == 0 {
		return room[0]
	}
	room[n%64] = n
	return deep(n-1) + room[n%64]
}

func work(letter byte) {
	for round := 0; ; round++ {
		bytes := make([]byte, 4096)
		for i := range bytes {
			bytes[i] = byte(i * round)
		}
		if sha256.Sum256(bytes) != sha256.Sum256(bytes) || deep(50) != 1275 {
			os.Exit(3)
		}
		done := make(chan int)
		go func() { done <- deep(20) }()
		if <-done != 210 {
			os.Exit(3)
		}
		time.Sleep(time.Millisecond)
		os.Stdout.Write([]byte{letter})
	}
}

func main() {
	for _, letter := range []byte("bcd") {
		go work(letter)
	}
	work('a')
}
