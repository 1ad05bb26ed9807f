use strict;
while (1) {
  my @sums;
  for my $round (0, 1) {
    my ($sum, $text) = (0, '');
    for my $i (1 .. 2000) { $sum += 1 / $i; $text .= chr($i % 256); }
    push @sums, "$sum " . unpack('%32C*', $text);
  }
  exit 3 if $sums[0] ne $sums[1];
  select(undef, undef, undef, 0.001);
  syswrite(STDOUT, 'a') == 1 or exit 4;
}
