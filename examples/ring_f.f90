! SPDX-License-Identifier: BSD-3-Clause
! ring_f.f90: ring.c in Fortran. Every rank sends a message to its right neighbour, a few rounds long. The signal says
! that the message is there.
!
!   mpirun -n 4 ./ring_f
!
! Ends with 0 when every message arrived whole, else with 1. A failure of pmx ends the job, as no call asks for ierror.
program ring_f
  use pmx
  implicit none
  integer(c_size_t), parameter :: n_words = 1024, word_bytes = 8
  integer(c_int64_t), parameter :: n_rounds = 20
  integer(c_int64_t), pointer :: send(:), recv(:), arrived
  type(c_ptr) :: send_sym, recv_sym, arrived_sym
  integer(c_int) :: rank, size, left, right
  integer(c_int64_t) :: round
  integer :: n_bad

  call pmx_init()
  call pmx_rank(rank)
  call pmx_size(size)
  right = mod(rank + 1, size)
  left = mod(rank + size - 1, size)

  call pmx_malloc(n_words * word_bytes, send_sym)
  call pmx_malloc(n_words * word_bytes, recv_sym)
  call pmx_calloc(1_c_size_t, word_bytes, arrived_sym)
  call c_f_pointer(send_sym, send, [n_words])
  call c_f_pointer(recv_sym, recv, [n_words])
  call c_f_pointer(arrived_sym, arrived)

  n_bad = 0
  do round = 1, n_rounds
    send = message(rank, round)
    call pmx_put_signal_nbi(PMX_CTX_DEFAULT, recv, send, n_words * word_bytes, arrived, round, PMX_SIGOP_SET, right)
    call pmx_signal_wait(PMX_CTX_DEFAULT, arrived, PMX_CMP_GE, round, left, 0_c_int64_t)
    n_bad = n_bad + count(recv /= message(left, round))
    ! quiet: send may be written again. barrier: all have read what they received.
    call pmx_quiet(PMX_CTX_DEFAULT)
    call pmx_barrier()
  end do
  print '(a,i0,a,i0,a,i0,a,i0,a)', "ring_f: rank ", rank, " of ", size, ": ", n_rounds, " rounds, ", n_bad, " wrong words"

  call pmx_free(arrived_sym)
  call pmx_free(recv_sym)
  call pmx_free(send_sym)
  call pmx_finalize()
  if (n_bad > 0) error stop 1

contains

  ! What a rank sends in a round.
  function message(from_rank, in_round) result(words)
    integer(c_int), intent(in) :: from_rank
    integer(c_int64_t), intent(in) :: in_round
    integer(c_int64_t) :: words(n_words)
    integer :: i
    do i = 1, int(n_words)
      words(i) = from_rank * 2_c_int64_t**48 + in_round * 2_c_int64_t**32 + i
    end do
  end function
end program
