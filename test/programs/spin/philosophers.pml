/* The philosophers of examples/models/philosophers.c, N of them: each branch is one step of one of them. */
byte place[N], taken[N];

active proctype table() {
  byte i;
  do
  :: d_step { place[0] == 0 && taken[0] == 0 -> place[0] = 1; taken[0] = 1 }
  :: d_step { place[0] == 1 && taken[1 % N] == 0 -> place[0] = 2; taken[1 % N] = 1 }
  :: d_step { place[0] == 2 -> place[0] = 0; taken[0] = 0; taken[1 % N] = 0 }
  :: d_step { place[1] == 0 && taken[1] == 0 -> place[1] = 1; taken[1] = 1 }
  :: d_step { place[1] == 1 && taken[2 % N] == 0 -> place[1] = 2; taken[2 % N] = 1 }
  :: d_step { place[1] == 2 -> place[1] = 0; taken[1] = 0; taken[2 % N] = 0 }
  :: d_step { place[2] == 0 && taken[2] == 0 -> place[2] = 1; taken[2] = 1 }
  :: d_step { place[2] == 1 && taken[3 % N] == 0 -> place[2] = 2; taken[3 % N] = 1 }
  :: d_step { place[2] == 2 -> place[2] = 0; taken[2] = 0; taken[3 % N] = 0 }
  od
}
