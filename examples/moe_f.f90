! SPDX-License-Identifier: BSD-3-Clause
! moe_f.f90: moe.c in Fortran. A small Mixture-of-Experts layer on host blocks, with random weights, checked against the
! oracle. A matrix [n, m] of C is dimension(m, n) here.
!
!   mpirun -n 4 ./moe_f
!
! Ends with 0 when the results agree, with 1 when they do not, with 2 when the ranks do not divide the experts.
module moe_weights
  use pmx_moe
  implicit none
  integer(c_int), parameter :: hidden = 64, inter = 48, experts = 8, top_k = 2, max_tokens = 24
  ! All ranks hold all weights here: the oracle needs them, and they are small.
  real(c_float), target :: router(hidden, experts)
  real(c_float), target :: gate(hidden, inter, experts), up(hidden, inter, experts), down(inter, hidden, experts)
contains

  ! Gives the oracle the weights of one expert.
  function fetch(arg, expert, gate_out, up_out, down_out) bind(C) result(code)
    type(c_ptr), value :: arg
    integer(c_int), value :: expert
    type(c_ptr), intent(out) :: gate_out, up_out, down_out
    integer(c_int) :: code
    code = PMX_SUCCESS
    if (c_associated(arg)) code = PMX_ERR_ARGUMENT
    gate_out = c_loc(gate(1, 1, expert + 1))
    up_out = c_loc(up(1, 1, expert + 1))
    down_out = c_loc(down(1, 1, expert + 1))
  end function

  ! Values in -scale..scale, the same on every rank for the same seed.
  subroutine fill(values, n_values, scale, seed)
    integer, intent(in) :: n_values, seed
    real(c_float), intent(in) :: scale
    real(c_float), intent(out) :: values(n_values)
    integer(c_int64_t) :: state
    integer :: i
    state = seed * 7919_c_int64_t + 1
    do i = 1, n_values
      state = mod(state * 48271_c_int64_t, 2147483647_c_int64_t)
      values(i) = scale * (2 * real(state, c_float) / 2147483647.0_c_float - 1)
    end do
  end subroutine
end module

program moe_f
  use moe_weights
  implicit none
  real(c_double), parameter :: tolerance = 1e-5_c_double ! fp32, norm-wise
  real(c_float), target :: x(hidden, max_tokens), y(hidden, max_tokens)
  real(c_double) :: reference(hidden, max_tokens), error
  type(pmx_moe_config_t) :: config
  type(c_funptr) :: fetch_fn
  integer(c_int) :: rank, size, code, n_tokens

  config%hidden = hidden
  config%intermediate = inter
  config%experts = experts
  config%top_k = top_k
  config%max_tokens = max_tokens
  config%dtype = PMX_MOE_FP32
  config%renormalise = 1

  call pmx_init()
  call pmx_rank(rank)
  call pmx_size(size)
  call pmx_moe_check(config, size, code)
  if (code /= PMX_SUCCESS) then
    if (rank == 0) print '(2a)', "moe_f: ", pmx_last_error_detail()
    call pmx_finalize()
    error stop 2
  end if
  call fill(router, hidden * experts, 1.0_c_float, 1)
  call fill(gate, hidden * inter * experts, 0.2_c_float, 2)
  call fill(up, hidden * inter * experts, 0.2_c_float, 3)
  call fill(down, hidden * inter * experts, 0.2_c_float, 4)
  call fill(x, hidden * max_tokens, 1.0_c_float, 100 + rank)

  ! The last rank has no tokens of its own when there are others: its experts work all the same.
  n_tokens = max_tokens - rank
  if (size > 1 .and. rank == size - 1) n_tokens = 0
  call run_layer()
  fetch_fn = c_funloc(fetch)
  call pmx_moe_reference(config, router, fetch=fetch_fn, arg=c_null_ptr, x=x, n_tokens=n_tokens, y_out=reference)
  error = relative_error(n_tokens)
  print '(a,i0,a,i0,a,i0,a,es7.1,2a)', "moe_f: rank ", rank, " of ", size, ": ", n_tokens, &
      " tokens, relative error ", error, ", ", trim(merge("ok   ", "wrong", error < tolerance))
  call pmx_finalize()
  if (error >= tolerance) error stop 1

contains

  ! The layer over all ranks.
  subroutine run_layer()
    type(c_ptr), allocatable, target :: my_gate(:), my_up(:), my_down(:)
    type(pmx_moe_weights_t) :: weights
    type(pmx_moe_t) :: moe
    integer :: i, n_local
    n_local = experts / size
    allocate (my_gate(n_local), my_up(n_local), my_down(n_local))
    do i = 1, n_local
      code = fetch(c_null_ptr, rank * n_local + i - 1, my_gate(i), my_up(i), my_down(i))
    end do
    weights%router = c_loc(router)
    weights%gate = c_loc(my_gate)
    weights%up = c_loc(my_up)
    weights%down = c_loc(my_down)
    call pmx_moe_create(config, moe)
    call pmx_moe_set_weights(moe, weights)
    call pmx_moe_forward(moe, x, n_tokens, y)
    call pmx_moe_free(moe)
  end subroutine

  ! Norm of the difference over the norm of the reference.
  function relative_error(n) result(error)
    integer, intent(in) :: n
    real(c_double) :: error
    error = norm2(y(:, 1:n) - reference(:, 1:n))
    if (norm2(reference(:, 1:n)) > 0) error = error / norm2(reference(:, 1:n))
  end function
end program
