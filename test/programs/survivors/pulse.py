import hashlib, os, threading, time

def work(letter):
    while True:
        seed = os.urandom(8)
        if hashlib.sha256(seed * 400).digest() != hashlib.sha256(seed * 400).digest(): os._exit(3)
        if sum(1.0 / i for i in range(1, 500)) != sum(1.0 / i for i in range(1, 500)): os._exit(3)
        time.sleep(0.001)
        os.write(1, letter)

threading.Thread(target=work, args=(b'b',), daemon=True).start()
work(b'a')
