#!/usr/bin/perl
# mutate.pl TABLE... [F=FILE] [L=LEVEL] [M=NAME] [check]: tries each mutant of
# the tables (their format: tests/mutants/README.md) in a copy of the tree,
# build/mutate/tree, with a build folder of its own, the worst first. A mutant
# is killed when one of its tests fails or hangs. A test that fails without any
# mutant is set aside; what the others do not kill was then NOT RUN.
#
# F: only mutants of files that begin so. L: only those of a level. M: only
# those so called, also the ones that do not count. `check` only looks whether
# every text is there.
#
# Exit status 0: no test set aside, every grave mutant killed and 90 % of those
# that count.
use strict;
use warnings;
use Cwd qw(getcwd);

my $BAR   = 90;                        # percent
my $TREE  = 'build/mutate/tree';
my $CLEAN = 'build/mutate/clean';      # tests that pass without any mutant
my $LOG   = 'build/mutate/log';
my %WORST = (grave => 0, serious => 1, minor => 2);
my %COUNTS = (grave => 1, serious => 1, minor => 1,
    'second-line' => 0, equivalent => 0);

sub slurp {
	my ($path) = @_;
	open(my $f, '<', $path) or return undef;
	local $/;
	my $text = <$f>;
	return defined $text ? $text : '';
}

sub spew {
	my ($path, $text) = @_;
	open(my $f, '>', $path) or die "$path: $!\n";
	print $f $text;
	close($f) or die "$path: $!\n";
}

# What is there already keeps its date.
sub put {
	my ($path, $text) = @_;
	spew($path, $text) if slurp($path) ne $text;
}

# Blocks end at an empty line.
my (@mutants, @defaults, %seen);
my $bad = 0;
sub table_read {
	my ($path) = @_;
	my $m;
	open(my $f, '<', $path) or die "$path: $!\n";
	while (my $line = <$f>) {
		chomp $line;
		next if $line =~ /^#/;
		if ($line =~ /^\s*$/) {
			undef $m;
		} elsif (!$m && $line =~ /^tests of (\S+):\s+(.+)$/) {
			push @defaults, [$1, [split ' ', $2]];
		} elsif (!$m && $line =~ /^(\S+): (\S+), (\S+)$/) {
			die "$path:$.: $1 is there twice\n" if $seen{$1}++;
			die "$path:$.: no level '$3'\n" if !exists $COUNTS{$3};
			$m = {name => $1, file => $2, level => $3, why => '',
			    old => '', new => '', tests => []};
			push @mutants, $m;
		} elsif ($m && $line =~ /^\s+- (.*)$/) {
			$m->{old} .= "$1\n";
		} elsif ($m && $line =~ /^\s+\+ ?(.*)$/) {
			$m->{new} .= "$1\n";
		} elsif ($m && $line =~ /^\s+tests: (.+)$/) {
			push @{$m->{tests}}, split ' ', $1;
		} elsif ($m && $line =~ /^\s+(.+)$/) {
			$m->{why} .= ($m->{why} ? ' ' : '') . $1;
		} else {
			die "$path:$.: not understood: $line\n";
		}
	}
}

sub tests_default {
	for my $m (@mutants) {
		next if @{$m->{tests}};
		my ($best) = sort {length $b->[0] <=> length $a->[0]}
		    grep {index($m->{file}, $_->[0]) == 0} @defaults;
		$m->{tests} = $best->[1] if $best;
	}
}

# The file's text with the mutant in it, or a reason why not. White space is as
# good as any other, so that a line broken elsewhere is found.
sub mutated {
	my ($m, $text) = @_;
	my $pattern = join '\s+', map {quotemeta} split ' ', $m->{old};
	my $new = $m->{new};
	my $num = () = $text =~ /$pattern/g;
	return (undef, 'has no text to change') if $pattern eq '';
	return (undef, "finds its text $num times in $m->{file}") if $num != 1;
	chomp $new;
	$text =~ s/$pattern/$new/;
	return ($text, '');
}

# The copy becomes what is tracked here; what is the same keeps its date.
sub tree_sync {
	my ($changed, %here) = (0);
	for my $path (split /\0/, `git ls-files -z`) {
		my $text = slurp($path);
		next if !defined $text || $path =~ m{^tests/mutants/};
		$here{$path} = 1;
		my $old = slurp("$TREE/$path");
		next if defined $old && $old eq $text;
		my ($dir) = "$TREE/$path" =~ m{^(.*)/};
		system('mkdir', '-p', $dir) == 0 or die "mkdir\n";
		spew("$TREE/$path", $text);
		$changed = 1;
	}
	# What is gone here would be built there.
	for my $path (split /\n/, `cd $TREE && find . -name build -prune -o -type f -print`) {
		$path =~ s{^\./}{};
		next if $here{$path};
		unlink "$TREE/$path";
		$changed = 1;
	}
	# Programs of packages, which tests run and would be skipped without.
	system('mkdir', '-p', "$TREE/build") == 0 or die "mkdir\n";
	symlink getcwd() . '/build/unpacked', "$TREE/build/unpacked"
	    if -d 'build/unpacked' && !-e "$TREE/build/unpacked";
	system('rm', '-rf', $CLEAN) if $changed;
	system('mkdir', '-p', $CLEAN) == 0 or die "mkdir\n";
}

# asan:NAME is NAME in the build of that profile.
sub profile_of {
	my ($test) = @_;
	return $test =~ /^(\w+):(.+)$/ ? ($1, $2) : ('debug', $test);
}

# Warnings are no errors here: a mutant may leave a variable unused. Nobody
# debugs these programs: without -g they are compiled and linked sooner. Other
# flags, were it only to list names, would build all anew.
sub make_for {
	my ($profile, $name) = profile_of(@_);
	my $opt = $profile eq 'debug' ? 'OPT=-O1' : '';
	return "make -s -j2 WARN=-w $opt PROFILE=$profile T='$name'";
}

sub build {
	return system("cd $TREE && " . make_for(@_) . " tests >../log 2>&1") == 0;
}

sub stamp_of {
	my ($test) = @_;
	$test =~ tr{/:}{--};
	return "$CLEAN/$test";
}

# What takes much longer than without the mutant hangs.
sub passes {
	my ($test) = @_;
	my ($profile) = profile_of($test);
	my $took = slurp(stamp_of($test)) // 60;
	local $ENV{TEST_TIMEOUT} = 20 + 5 * $took;
	return system("cd $TREE && sh tests/run \"\$PWD/build/$profile\" " .
	    '$(' . make_for($test) . ' list-tests) ' .
	    ">../run 2>&1") == 0;
}

# What fails by itself proves nothing.
my %aside;
sub is_clean {
	my ($test) = @_;
	return 0 if $aside{$test};
	return 1 if -e stamp_of($test);
	build($test) or die "$test does not build without a mutant: $LOG\n";
	my $began = time;
	if (passes($test)) {
		spew(stamp_of($test), time - $began);
		return 1;
	}
	rename 'build/mutate/run', 'build/mutate/unclean';
	print "$test fails without a mutant, see build/mutate/unclean\n";
	$bad = $aside{$test} = 1;
	return 0;
}

# The test that killed it, '' if none did, or undef: it does not build; and
# those of its tests that were set aside.
sub try {
	my ($m) = @_;
	my $path = "$TREE/$m->{file}";
	my $text = slurp($path);
	my ($new) = mutated($m, $text);
	my $killer = '';
	my @missing;
	# Built as they are needed: most fall to the first.
	for my $test (@{$m->{tests}}) {
		put($path, $text) if !-e stamp_of($test);
		if (!is_clean($test)) {
			push @missing, $test;
			next;
		}
		put($path, $new);
		if (!build($test)) {
			undef $killer;
		} elsif (!passes($test)) {
			$killer = $test;
		}
		last if !defined $killer || $killer ne '';
	}
	put($path, $text);
	return ($killer, @missing);
}

# No job server of the make that started this, and not its profile.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
my ($file, $level, $name, $check) = ('', '', '', 0);
for (@ARGV) {
	if (/^F=(.*)$/) {$file = $1}
	elsif (/^L=(.*)$/) {$level = $1}
	elsif (/^M=(.*)$/) {$name = $1}
	elsif ($_ eq 'check') {$check = 1}
	elsif ($_ ne '') {table_read($_)}
}
tests_default();
my ($killed, $counted, $not_run, @alive) = (0, 0, 0);
for my $m (@mutants) {
	my ($new, $why) = mutated($m, slurp($m->{file}) // '');
	$why = 'names no tests' if defined $new && !@{$m->{tests}};
	next if defined $new && $why eq '';
	print "mutant $m->{name} $why\n";
	$bad = 1;
}
exit 1 if $bad;
if ($check) {
	printf "check-mutants: the text of all %d is there\n", scalar @mutants;
	exit 0;
}
my @chosen = sort {($WORST{$a->{level}} // 9) <=> ($WORST{$b->{level}} // 9)} grep {
	($level eq '' || $_->{level} eq $level) && ($file eq '' || index($_->{file}, $file) == 0) &&
	    ($name eq '' ? $COUNTS{$_->{level}} : $_->{name} eq $name)
} @mutants;
my $uncounted = grep {!$COUNTS{$_->{level}}} @mutants;
die "there is no such mutant\n" if !@chosen;
$| = 1;
system('mkdir', '-p', $TREE) == 0 or die "mkdir\n";
# Mends the copy of a run that was interrupted, too.
tree_sync();
for my $m (@chosen) {
	my $began = time;
	my ($killer, @missing) = try($m);
	my $took = time - $began;
	if (!defined $killer) {
		print "BROKEN   $m->{name}: does not build, see $LOG\n";
		$bad = 1;
		next;
	}
	if ($killer eq '' && @missing) {
		print "NOT RUN  $m->{name}: without @missing\n";
		$not_run++;
		next;
	}
	$counted++ if $COUNTS{$m->{level}};
	if ($killer ne '') {
		$killed++ if $COUNTS{$m->{level}};
		print "killed   $m->{name}: by $killer ($took s)\n";
	} else {
		print "SURVIVED $m->{name} ($m->{level}, $took s)\n";
		push @alive, $m;
		$bad = 1 if $m->{level} eq 'grave';
	}
}
print "\nNo test notices:\n" if @alive;
print "  $_->{name} ($_->{level}, $_->{file}): $_->{why}\n" for @alive;
my $share = $counted ? 100 * $killed / $counted : 100;
printf "%d of %d killed (%.0f %%); %d are equivalent or second lines\n",
    $killed, $counted, $share, $uncounted;
print "$not_run NOT RUN: their tests fail without a mutant\n" if $not_run;
exit($bad || $share < $BAR ? 1 : 0);
