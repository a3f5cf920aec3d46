#!/usr/bin/perl
# completions.pl PROGRAM DIR: writes completions of a program's command line for
# bash, zsh and fish (DIR/NAME.bash, DIR/_NAME, DIR/NAME.fish) from what its
# --help says, and the --help of its commands: the text that people read and
# its tables make. A command's name is one word or two.
use strict;
use warnings;

my ($program, $dir) = @ARGV;
(my $name = $program) =~ s|.*/||;
(my $id = $name) =~ s/\W/_/g;

# Commands by their words; '' is the program without one.
my %commands;    # words => {help, options: [...], operand: 'FILE'}
my %known;       # option => its option, of any command
my @order;

sub help {
	my @words = @_;
	open(my $pipe, '-|', $program, @words, '--help') or die "$program: $!";
	my @lines = <$pipe>;
	close($pipe) or die "$program @words --help: failed\n";
	chomp @lines;
	return @lines;
}

# What may stand for a value: words of a closed set, or what kind of thing.
sub values_of {
	my ($arg, $text) = @_;
	return () if $arg =~ /^(FILE|PATH|DIR)/;
	return split(/\|/, $arg) if $arg =~ /^[a-z-]+(\|[a-z-]+)+$/;
	return () if $arg !~ /^(WORD|MODE|RULE|WHEN|PROTOCOL|ORDER|KIND)$/;
	$text =~ s/\[.*//;
	$text =~ s/\([^)]*\)//g;
	$text =~ s/ or /, /g;
	my @words = $arg eq 'ORDER' ? split(/\s+/, $text) : split(/[,;]\s*/, $text);
	s/^\s+|\s+$//g for @words;
	@words = grep { /^[A-Za-z0-9][\w,-]*$/ } @words;
	return @words > 1 ? @words : ();
}

sub option_new {
	my ($opt, $letter, $arg, $text) = @_;
	return {name => $opt, letter => $letter, arg => $arg, text => $text // ''};
}

# One page of help: its options, in order, each once.
sub options_of {
	my @lines = @_;
	my (@options, %seen, $last, %usage);

	for my $line (@lines) {
		# "  -c, --config FILE    text", "  FILE, --chain FILE   text",
		# "  --get, --post   text"
		if ($line =~ /^ {2,6}(?:-(\w), |[A-Z]+, |)((?:--[a-z][a-z0-9-]*(?:, )?)+)(.*)/) {
			my ($letter, $names, $rest) = ($1, $2, $3);
			my @names = $names =~ /--([a-z][a-z0-9-]*)/g;
			my $arg = $rest =~ s/^ ([A-Z][^ ]*|[a-z]+(?:\|[a-z]+)+|[a-z]+=\S+)(?=  |$)// ? $1 : '';
			$rest =~ s/^\s+//;
			$last = undef;
			for my $n (@names) {
				next if $seen{$n}++;
				$last = option_new($n, $letter,
				    $arg || undef, $rest);
				$last->{alone} = @names == 1;
				push @options, $last;
			}
		} elsif ($line =~ /^ {12,}(\S.*)/ && $last) {
			$last->{text} .= " $1";
		} elsif ($line !~ /^ +\S/) {
			$last = undef;
		}
		# Wherever it is written with a value, or without one.
		while ($line =~ /--([a-z][a-z0-9-]*)(?: ([A-Z][A-Z:\|\[\]]*)\b)?/g) {
			$usage{$1} //= '';
			$usage{$1} ||= $2 // '';
		}
	}
	for my $n (sort keys %usage) {
		push @options, option_new($n, undef, undef, '') unless $seen{$n}++;
	}
	for my $o (@options) {
		$o->{arg} ||= $usage{$o->{name}} || ($o->{alone} ? '' : undef);
		$o->{text} =~ s/^\Q$o->{arg}\E // if $o->{arg};
	}
	return @options;
}

sub command_add {
	my ($words, $text) = @_;
	return if exists $commands{$words};
	$commands{$words} = {help => $text};
	push @order, $words;
}

my @top = help();
command_add('', '');
for my $i (0 .. $#top) {
	# "  check    check a chain in a file"
	if ($top[$i] =~ /^ {2}([a-z][a-z-]*) {2,}(\S.*)/) {
		command_add($1, $2);
	# "       doorman tickets show TICKET [options]", and below it what it does
	} elsif ($top[$i] =~ /^(?:usage:| {6}) \Q$name\E ([a-z].*) \[options\]$/) {
		my @words = grep { /^[a-z][a-z-]*$/ } split / /, $1;
		my ($text) = ($top[$i + 1] // '') =~ /^\s+(.*)/;
		command_add("@words", $text // '');
	}
}
for my $words (@order) {
	my @page = $words eq '' ? @top : help(split / /, $words);
	my $c = $commands{$words};
	# Commands within a command: "       revcheck cache list ..."
	for my $line (@page) {
		command_add("$words $1", ''), $commands{"$words $1"}{page} = $words
		    if $words ne '' && $line =~ /^(?:usage:| {6}) \Q$name $words\E ([a-z][a-z-]*)/;
	}
	$c->{options} = [options_of(@page)];
	for my $o (@{$c->{options}}) {
		$known{$o->{name}} = $o
		    if !$known{$o->{name}} || !defined $known{$o->{name}}{arg};
	}
}
# A command within one has no page of its own: help() gave the page above.
my @usual = ('help', 'version');
for my $words (@order) {
	my $c = $commands{$words};
	my %has = map { $_->{name} => 1 } @{$c->{options}};
	push @{$c->{options}}, option_new($_, undef, '', '')
	    for grep { !$has{$_} } @usual;
	for my $o (@{$c->{options}}) {
		$o->{arg} = $known{$o->{name}}{arg} // '' unless defined $o->{arg};
		$o->{text} = $known{$o->{name}}{text} // ''
		    if $o->{text} eq '' || $o->{text} =~ /^as for /;
		$o->{text} = "print $o->{name}" if grep { $_ eq $o->{name} } @usual;
		$o->{text} =~ s/\s+/ /g;
		$o->{text} =~ s/^ //;
		$o->{values} = [values_of($o->{arg}, $o->{text})];
		# "as for check": the words stand there.
		my $k = $known{$o->{name}};
		$o->{values} = [values_of($k->{arg} // '', $k->{text})]
		    if !@{$o->{values}} && $o->{arg} ne '' && $o->{arg} !~ /^(FILE|PATH|DIR)/;
	}
}

sub next_words {
	my ($words) = @_;
	my $depth = $words eq '' ? 0 : scalar(split / /, $words);
	my %next;
	for my $w (@order) {
		my @w = split / /, $w;
		next if @w <= $depth;
		$next{$w[$depth]} //= @w == $depth + 1 ? $commands{$w}{help} : ''
		    if join(' ', @w[0 .. $depth - 1]) eq $words;
	}
	return %next;
}

# Words that only begin a command ("tickets") have a place, too.
for my $w (@order) {
	my @w = split / /, $w;
	command_add($w[0], '') if @w > 1;
}
$_->{options} //= [] for values %commands;

sub is_file { $_[0] =~ /^(FILE|PATH|DIR)/ }
sub write_file {
	my ($path, @text) = @_;
	open(my $out, '>', $path) or die "$path: $!";
	print $out @text;
	close($out) or die "$path: $!";
}
sub quote { my ($s) = @_; $s =~ s/'/'\\''/g; return "'$s'" }

# bash: needs nothing but bash.
sub bash {
	my $text = "# bash completion for $name, made from its --help\n\n_$id()\n{\n"
	    . "\tlocal cur=\${COMP_WORDS[COMP_CWORD]} prev= words= w= i= options= next= values=\n"
	    . "\tCOMPREPLY=()\n"
	    . "\t# An '=' is a word of its own: --mode=HARD\n"
	    . "\t[ \"\$cur\" = = ] && cur=\n"
	    . "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	    . "\t\tw=\${COMP_WORDS[i]}\n"
	    . "\t\tcase \"\${words:+\$words }\$w\" in\n\t\t"
	    . join(' | ', map { quote($_) } grep { $_ ne '' } sort keys %commands)
	    . ") words=\"\${words:+\$words }\$w\" ;;\n\t\tesac\n"
	    . "\t\t[ \"\$w\" = = ] || prev=\$w\n\tdone\n"
	    . "\tcase \"\$words\" in\n";
	$text =~ s/\t\tcase "\$\{words[^\n]*\n\t\t\) [^\n]*\n\t\tesac\n//;
	for my $words (sort keys %commands) {
		my $c = $commands{$words};
		my %next = next_words($words);
		$text .= "\t" . quote($words) . ")\n"
		    . "\t\toptions=" . quote(join(' ', map { "--$_->{name}" } @{$c->{options}})) . "\n"
		    . "\t\tnext=" . quote(join(' ', sort keys %next)) . "\n"
		    . "\t\tcase \"\$prev\" in\n";
		for my $o (@{$c->{options}}) {
			next if $o->{arg} eq '';
			my $names = "--$o->{name}" . ($o->{letter} ? " | -$o->{letter}" : '');
			$text .= "\t\t$names) values="
			    . quote(@{$o->{values}} ? join(' ', @{$o->{values}})
				: is_file($o->{arg}) ? '*files*' : '*any*')
			    . " ;;\n";
		}
		$text .= "\t\tesac ;;\n";
	}
	$text .= "\tesac\n"
	    . "\tcase \"\$values\" in\n"
	    . "\t'*any*') return ;;\n"
	    . "\t'*files*') ;;\n"
	    . "\t?*) mapfile -t COMPREPLY < <(compgen -W \"\$values\" -- \"\$cur\"); return ;;\n"
	    . "\t*)\n\t\tcase \"\$cur\" in\n"
	    . "\t\t-*) mapfile -t COMPREPLY < <(compgen -W \"\$options\" -- \"\$cur\"); return ;;\n"
	    . "\t\tesac\n"
	    . "\t\t[ -z \"\$next\" ] || {\n"
	    . "\t\t\tmapfile -t COMPREPLY < <(compgen -W \"\$next\" -- \"\$cur\"); return\n"
	    . "\t\t} ;;\n\tesac\n"
	    . "\tcompopt -o filenames 2>/dev/null\n"
	    . "\tmapfile -t COMPREPLY < <(compgen -f -- \"\$cur\")\n}\n"
	    . "complete -F _$id $name\n";
	return $text;
}

sub zsh {
	my $text = "#compdef $name\n# zsh completion for $name, made from its --help\n\n"
	    . "local cmd= w= i\n"
	    . "local -a next specs\n"
	    . "for ((i = 2; i < CURRENT; i++)); do\n\tw=\$words[i]\n"
	    . "\tcase \"\${cmd:+\$cmd }\$w\" in\n\t("
	    . join('|', map { quote($_) } grep { $_ ne '' } sort keys %commands)
	    . ") cmd=\"\${cmd:+\$cmd }\$w\" ;;\n\tesac\ndone\n"
	    . "case \"\$cmd\" in\n";
	$text =~ s/\tcase "\$\{cmd[^\n]*\n\t\(\) [^\n]*\n\tesac\n//;
	my $plain = sub {
		my ($s) = @_;
		$s =~ s/([\\:\[\]])/\\$1/g;
		return $s;
	};
	for my $words (sort keys %commands) {
		my $c = $commands{$words};
		my %next = next_words($words);
		$text .= "(" . quote($words) . ")\n\tspecs=(\n";
		for my $o (@{$c->{options}}) {
			my $what = $o->{arg} eq '' ? ''
			    : ':' . $plain->($o->{arg}) . ':'
			    . (@{$o->{values}} ? '(' . join(' ', @{$o->{values}}) . ')'
				: is_file($o->{arg}) ? '_files' : ' ');
			$text .= "\t" . quote("*--$o->{name}" . ($o->{arg} ne '' ? '=' : '')
				. '[' . $plain->($o->{text}) . "]$what") . "\n";
		}
		$text .= "\t)\n\tnext=(" . join(' ', map {
			quote($plain->($_) . ':' . ($next{$_} // '')) } sort keys %next) . ") ;;\n";
	}
	return $text . "esac\n"
	    . "if (( \$#next )) && [[ \$words[CURRENT] != -* ]]; then\n"
	    . "\t_describe command next\nelse\n"
	    . "\t_arguments \$specs '*:file:_files'\nfi\n";
}

sub fish {
	my $text = "# fish completion for $name, made from its --help\n\n";
	my $not_yet = sub {
		my %next = @_;
		return join(' ', sort keys %next);
	};
	for my $words (sort keys %commands) {
		my $c = $commands{$words};
		my %next = next_words($words);
		my $when = join('; and ', map { "__fish_seen_subcommand_from $_" } split / /, $words);
		my $fresh = join('; and ', ($when) x ($when ne ''),
		    (%next ? 'not __fish_seen_subcommand_from ' . $not_yet->(%next) : ()));
		for my $n (sort keys %next) {
			$text .= "complete -c $name -f" . ($fresh ne '' ? ' -n ' . quote($fresh) : '')
			    . " -a $n" . ($next{$n} ? ' -d ' . fish_quote($next{$n}) : '') . "\n";
		}
		# On one page: said already.
		for my $o ($c->{page} ? () : @{$c->{options}}) {
			my $only = $words eq '' && $fresh ne '' ? $fresh : $when;
			$text .= "complete -c $name" . ($only ne '' ? ' -n ' . quote($only) : '')
			    . " -l $o->{name}" . ($o->{letter} ? " -s $o->{letter}" : '')
			    . ($o->{arg} eq '' ? ''
				: @{$o->{values}} ? ' -x -a ' . fish_quote(join(' ', @{$o->{values}}))
				: is_file($o->{arg}) ? ' -r -F' : ' -x')
			    . ($o->{text} ne '' ? ' -d ' . fish_quote($o->{text}) : '') . "\n";
		}
	}
	return $text;
}
sub fish_quote { my ($s) = @_; $s =~ s/([\\'])/\\$1/g; return "'$s'" }

write_file("$dir/$name.bash", bash());
write_file("$dir/_$name", zsh());
write_file("$dir/$name.fish", fish());
